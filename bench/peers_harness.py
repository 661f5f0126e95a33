"""Borrows the peers' harness: loads it from its folder in a scratch copy, with a Postgres and an endpoint of its own.

The scratch copy lies in a temporary folder and ends with the run, so the harness's folder may be read-only and two
people may measure at once; the peers' virtual environments are used where they lie.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.peer_table import FLOOR

PROJECT = Path(__file__).resolve().parent.parent
DRIVER = PROJECT / "bench" / "peer_driver.py"
FLOOR_DRIVER = PROJECT / "bench" / "peer_floor.py"
OWN = "morpheus"


class HarnessMissing(Exception):
    """The peers' harness or its environments are not where they were looked for; the message says what to do."""


def installed_peers(folder: Path) -> list[str]:
    """The limit and the peers whose environment is installed in `folder`; raises HarnessMissing without the limit."""
    if not (folder / "bench.py").exists():
        raise HarnessMissing(f"{folder} holds no bench.py: name the folder of the peers' harness with --peers-folder.")
    if not _python(folder, "limit").exists():
        raise HarnessMissing(
            f"{folder}/venvs holds no environments: run ./install.sh there, or in a writable copy of that folder"
            " that you name with --peers-folder."
        )
    return ["limit", *(name for name in _peers(folder) if _python(folder, name).exists())]


def missing_peers(folder: Path) -> list[str]:
    """The peers in `folder` that have a driver but no environment."""
    return [name for name in _peers(folder) if not _python(folder, name).exists()]


@contextmanager
def borrowed(folder: Path, log_folder: Path) -> Iterator[ModuleType]:
    """The harness's module `bench`, with the project as one more peer, its server and endpoint running.

    BENCH_PG_PORT and BENCH_API_PORT choose the ports, else free ones are taken. What drivers say goes to `log_folder`.
    """
    scratch = Path(tempfile.mkdtemp(prefix="mp-peers-"))
    scratch.chmod(0o755)
    for name in ("BENCH_PG_PORT", "BENCH_API_PORT"):
        os.environ.setdefault(name, str(_free_port()))
    harness = endpoint = None
    try:
        for source in folder.glob("*.py"):
            shutil.copy(source, scratch)
        shutil.copytree(folder / "peers", scratch / "peers")
        (scratch / "venvs").symlink_to((folder / "venvs").resolve())
        for name in ("logs", "results", "run"):
            (scratch / name).mkdir()
        subprocess.run([sys.executable, scratch / "gen_corpus.py", scratch / "corpus"], check=True)
        harness = _load(scratch)
        # `HERE / "venvs" / <an absolute path>` is the absolute path
        harness.PEERS[OWN] = (sys.prefix, str(DRIVER))
        harness.PEERS[FLOOR] = (sys.prefix, str(FLOOR_DRIVER))
        harness.pg.start()
        endpoint = harness.start_api()
        yield harness
    finally:
        if endpoint is not None:
            endpoint.terminate()
            endpoint.wait()
        if harness is not None and harness.pg.pid():
            harness.pg.stop()
        shutil.rmtree(log_folder, ignore_errors=True)
        if (scratch / "logs").exists():
            shutil.copytree(scratch / "logs", log_folder)
        shutil.rmtree(scratch, ignore_errors=True)


class Round:
    """One system's pass through all steps over a fresh database, a cold process each."""

    def __init__(self, harness: ModuleType, spec: str, options: Namespace) -> None:
        self._harness = harness
        self._session = harness.Session(options, spec)
        self._own = self._session.peer == OWN
        self._only_ingest = self._session.peer == FLOOR

    def run(self, *, edits: bool) -> list[dict[str, Any]]:
        """Records of ingest and unchanged re-run, of the edits where asked for, and of the search.

        A failed ingest is the only record of its round, and so is that of the second floor.
        """
        session, harness = self._session, self._harness
        session.fresh()
        if self._own:
            prepared = harness.run(OWN, "setup", session.env)
            if prepared["rc"]:
                raise SystemExit(f"the project's set-up failed; see {harness.HERE}/logs")
        records = [session.step("ingest")]
        if records[0]["rc"] != 0 or self._only_ingest:
            # edits of what was never stored would only take time
            return records
        records.append(session.step("unchanged"))
        if self._own:
            records.append(session.step("rerun", "ingest", ["--every-novel"]))
        if edits:
            for step, chapter, how in (
                ("edit-insert", 150, "insert"),
                ("edit-rewrite", 150, "rewrite"),
                ("append", 1, "append"),
            ):
                session.gen("--edit", "war_and_words.txt", chapter, "--how", how)
                records.append(session.step(step))
            (session.corpus / "novel_b.txt").unlink()
            records.append(session.step("delete-file"))
        harness.api("/config", {"latency_ms": 0})
        return [*records, session.step("search", "search")]


def _load(scratch: Path) -> ModuleType:
    # the harness says `import pg`; its other module's name is that of this folder
    sys.path.insert(0, str(scratch))
    spec = importlib.util.spec_from_file_location("peers_bench", scratch / "bench.py")
    if spec is None or spec.loader is None:
        raise HarnessMissing(f"{scratch}/bench.py is no Python module.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _peers(folder: Path) -> Sequence[str]:
    return sorted(path.stem.removesuffix("_peer") for path in (folder / "peers").glob("*_peer.py"))


def _python(folder: Path, peer: str) -> Path:
    return folder / "venvs" / peer.split("-")[0] / "bin" / "python"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
