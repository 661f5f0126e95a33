"""Re-embeds 200 novels through Dagster after a change of model, with a kill -9 of the daemon in the middle.

    python bench/reembed_200.py [--novels 200] [--folder /tmp/reembed] [--shots DIR]

Everything is its own: database, Dagster home, content, fake provider (100 ms a request). Prints one line a figure.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import Request, urlopen

import psutil

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from morpheus_assets.services.connections import dagster_database_url  # noqa: E402
from morpheus_assets.store.database.embedded import EmbeddedPostgres  # noqa: E402
from morpheus_assets.store.database.engine import open_engine  # noqa: E402
from morpheus_assets.store.database.migrations import migrate  # noqa: E402
from morpheus_assets.store.spaces import spaces  # noqa: E402
from morpheus_assets.store.spaces.coverage import Coverage, coverage  # noqa: E402
from morpheus_assets_tests.fixtures.searching import Reader  # noqa: E402

OLD, OLD_KEY = "openai/text-embedding-3-small@256", "openai-text-embedding-3-small-256"
NEW, NEW_KEY = "openai/text-embedding-3-large@512", "openai-text-embedding-3-large-512"
QUESTION = "a lantern in the harbour when the storm came"
VOCABULARY = (
    "lantern harbour storm letter captain garden river stone bread window clock forest winter music ship road horse"
    " bridge market child river summer candle mirror tower field silver wolf apple night morning glass rope sail"
)


def write_novels(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    words = VOCABULARY.split()
    for number in range(count):
        rng = random.Random(number)
        parts = []
        for chapter in range(1, 4):
            sentences = [
                " ".join(rng.choice(words) for _ in range(rng.randint(6, 14))).capitalize() + "." for _ in range(60)
            ]
            paragraphs = [" ".join(sentences[start : start + 6]) for start in range(0, 60, 6)]
            parts.append(f"CHAPTER {chapter}\n\n" + "\n\n".join(paragraphs))
        (folder / f"novel-{number:03}.txt").write_text("\n\n\n".join(parts) + "\n", encoding="utf-8")


class Readers:
    """Eight threads that search all the while and count what they get."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url, pool_size=8)
        self.outcomes: Counter[str] = Counter()
        self.by_space: Counter[str] = Counter()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._read, daemon=True) for _ in range(8)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join(30)
        self.engine.dispose()

    def _read(self) -> None:
        reader = Reader(self.engine)
        while not self.done.wait(0.1):
            try:
                found = reader.ask(QUESTION, k=5)
                self.outcomes["answers" if len(found.passages) == 5 else "empty"] += 1
                self.by_space.update(found.spaces.values())
            except Exception as error:
                self.outcomes[f"{type(error).__name__}: {error}"] += 1


class Deployment:
    """The processes of one machine: daemon and webserver, each with its own code server."""

    def __init__(self, folder: Path, url: str, provider: str, port: int) -> None:
        self.folder, self.url, self.provider, self.port = folder, url, provider, port
        home = folder / "home"
        home.mkdir(exist_ok=True)
        config = (PROJECT / "dagster.yaml").read_text(encoding="utf-8")
        (home / "dagster.yaml").write_text(config.replace(".morpheus/dagster", str(home / "local")), encoding="utf-8")
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self, text_spaces: str, run: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MORPHEUS_", "DAGSTER_"))}
        return kept | {
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_PG_URL": dagster_database_url(self.url),
            "MORPHEUS_DATABASE_URL": self.url,
            "MORPHEUS_DATA_FOLDER": str(self.folder / "data"),
            "MORPHEUS_CONTENT": str(self.folder / "content"),
            "MORPHEUS_SAMPLES": "false",
            "MORPHEUS_TEXT_SPACES": text_spaces,
            "MORPHEUS_INPUTS_PER_REQUEST": "8",
            "MORPHEUS_REEMBED_CRON": "* * * * *",
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": f"{self.provider}/run={run}/v1",
        }

    def start(self, name: str, environment: dict[str, str]) -> None:
        programs, workspace = Path(sys.executable).parent, str(PROJECT / "workspace.yaml")
        command = {
            "daemon": [str(programs / "dagster-daemon"), "run", "-w", workspace],
            "ui": [str(programs / "dagster-webserver"), "-w", workspace, "-h", "127.0.0.1", "-p", str(self.port)],
        }[name]  # fmt: skip
        with (self.folder / f"{name}.log").open("ab") as log:
            # not in the project's folder: Dagster would let the `.env` there win over this environment
            self.processes[name] = subprocess.Popen(
                command, env=environment, cwd=self.home, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def end(self, name: str, *, hard: bool = False) -> None:
        """End a process with everything it started; `hard` as kill -9 does it, without a word."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        if not hard:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(40)
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()

    def wait_for_ui(self) -> None:
        until(lambda: _answers(f"http://127.0.0.1:{self.port}/server_info"), 180, "the UI")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def until(met: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> float:
    started = time.monotonic()
    while not met():
        if time.monotonic() - started > seconds:
            raise SystemExit(f"{what} did not happen within {seconds} s")
        time.sleep(every)
    return time.monotonic() - started


TEXT_GRAPH = "/locations/morpheus_assets/asset-groups/text/lineage"


def screenshot(folder: Path | None, port: int, name: str, path: str = TEXT_GRAPH) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1500,900",
            "--timeout=20000", "--virtual-time-budget=25000", f"--screenshot={folder / name}.png",
            f"http://127.0.0.1:{port}{path}",
        ],
        check=False, capture_output=True, timeout=120,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--novels", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--port", type=int, default=3977)
    parser.add_argument("--shots", type=Path)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="mreembed"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    with ExitStack() as stack:
        server = EmbeddedPostgres(folder / "data")
        server.start()
        stack.callback(server.stop)
        server.ensure_databases()
        url = server.url()
        engine = open_engine(url)
        stack.callback(engine.dispose)
        migrate(engine)
        provider = subprocess.Popen(
            [sys.executable, "-m", "morpheus_assets_tests.fixtures.provider_server", "--latency-ms", "100"],
            cwd=PROJECT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        stack.callback(provider.kill)
        assert provider.stdout is not None
        root = provider.stdout.readline().strip()
        deployment = Deployment(folder, url, root, arguments.port)
        stack.callback(lambda: [deployment.end(name) for name in ("ui", "daemon")])

        def covered(key: str) -> Coverage | None:
            row = next((each for each in spaces.list_spaces(engine) if each.key == key), None)
            return coverage(engine, row) if row else None

        def whole(key: str, needed: int) -> bool:
            found = covered(key)
            return found is not None and len(found.novels) == needed and found.whole

        write_novels(folder / "content" / "novels", arguments.novels)
        (folder / "content" / "panels").mkdir(exist_ok=True)
        before = deployment.environment(OLD, "old")
        deployment.start("daemon", before)
        deployment.start("ui", before)
        took = until(lambda: whole(OLD_KEY, arguments.novels), 900, "the first embedding", every=1)
        print(f"novels ingested and embedded in the old space  {arguments.novels} in {took:.0f} s", flush=True)
        deployment.wait_for_ui()
        time.sleep(30)  # the last run still writes its events
        screenshot(arguments.shots, arguments.port, "1-before-the-change")

        for name in ("daemon", "ui"):
            deployment.end(name)
        readers = Readers(url)
        readers.start()
        stack.callback(readers.stop)
        after = deployment.environment(NEW, "new")
        changed = time.monotonic()
        deployment.start("daemon", after)
        deployment.start("ui", after)

        def share() -> float:
            found = covered(NEW_KEY)
            return found.present / found.needed if found and found.needed else 0.0

        until(lambda: share() > 0, 300, "the first vector in the new space", every=0.05)
        first_vector = time.monotonic()
        until(lambda: share() > 0.4, 300, "two fifths of the new space", every=0.02)
        killed_at = share()
        deployment.end("daemon", hard=True)
        active = spaces.active_space(engine, "text")
        print(f"kill -9 of the daemon and its runs at          {killed_at:.0%}, {active.key} answers", flush=True)
        screenshot(arguments.shots, arguments.port, "2-in-the-middle")
        deployment.start("daemon", after)
        restarted = time.monotonic()
        until(lambda: spaces.active_space(engine, "text").key == NEW_KEY, 900, "the switch", every=0.1)
        switched = time.monotonic()
        time.sleep(5)
        readers.stop()
        deployment.wait_for_ui()
        screenshot(arguments.shots, arguments.port, "3-after-the-switch")
        screenshot(arguments.shots, arguments.port, "4-its-runs", "/runs?view=backfills")
        report(engine, root, deployment, readers, covered(NEW_KEY), changed, first_vector, restarted, switched)


def report(engine, root, deployment, readers, found, changed, first_vector, restarted, switched) -> None:
    import json

    with urlopen(Request(f"{root}/__stats")) as answer:
        stats = json.load(answer)["runs"]["new"]
    os.environ.update({"DAGSTER_HOME": str(deployment.home), "DAGSTER_PG_URL": dagster_database_url(deployment.url)})
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(filters=dg.RunsFilter(tags={"morpheus/kind": "reembed"}))
        backfills = instance.get_backfills()
    print(f"chunks needed                                  {found.needed}")
    print(f"chunks sent to the provider                    {stats['inputs']}, twice: {stats['repeated_inputs']}")
    print(f"requests                                       {stats['requests']} (8 inputs each at most)")
    print(f"backfills                                      {[each.title for each in backfills]}")
    print(f"runs                                           {dict(Counter(run.status.value for run in runs))}")
    print(f"seconds from the change to the first vector    {first_vector - changed:.0f}")
    print(f"seconds from the change to the switch          {switched - changed:.0f}")
    print(f"seconds from the daemon's restart to the switch {switched - restarted:.0f}")
    print(f"readers                                        {dict(readers.outcomes)}")
    print(f"answered by                                    {dict(readers.by_space)}")
    print(f"states                                         {[(s.key, s.state) for s in spaces.list_spaces(engine)]}")


if __name__ == "__main__":
    main()
