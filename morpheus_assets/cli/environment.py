"""What the processes of a deployment must find in their environment, beside what it already holds.

Also the block in `.env` by which `dagster dev` and `dg`, called by hand, find the database.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from morpheus_assets.services.connections import dagster_database_url, database_url
from morpheus_assets.settings import PROJECT_FOLDER, Settings

BLOCK_START = "# --- kept by `morpheus up`, so that `dagster dev` and `dg` find the database ---"
BLOCK_END = "# --- end ---"


class StartFailed(Exception):
    """A part did not come up; the message says which and where its log is."""


@contextmanager
def running_database(settings: Settings, say: Callable[[str], None]) -> Iterator[str]:
    """A migrated content database and an empty one for Dagster; yields the content database's URL.

    With MORPHEUS_DATABASE_URL set that server is used and left running; else the embedded one runs until the end.
    """
    from morpheus_assets.store.database.embedded import DAGSTER_DATABASE, EmbeddedPostgres
    from morpheus_assets.store.database.engine import check_server, ensure_database, open_engine
    from morpheus_assets.store.database.migrations import migrate

    server = None
    if settings.database_url is None:
        server = EmbeddedPostgres(settings.data_folder)
        server.start()
        server.ensure_databases()
        url = server.url()
    else:
        url = database_url(settings)
    try:
        engine = open_engine(url)
        try:
            check_server(engine)
            if server is None:
                ensure_database(engine, DAGSTER_DATABASE)
            applied = migrate(engine)
        finally:
            engine.dispose()
        if applied:
            say(f"Schema: {', '.join(applied)} applied.")
        yield url
    finally:
        if server is not None:
            server.stop()


def run_with_database(settings: Settings, command: Sequence[str]) -> int:
    """Run a program of this environment beside a running database; returns its exit code."""
    environment_programs = str(Path(sys.executable).parent)
    with running_database(settings, lambda _: None) as url:
        environment = child_environment(url)
        environment["PATH"] = os.pathsep.join([environment_programs, environment.get("PATH", "")])
        try:
            return subprocess.run(command, env=environment, cwd=PROJECT_FOLDER, check=False).returncode
        except FileNotFoundError:
            raise StartFailed(f"There is no program {command[0]!r} in this environment.") from None


def child_environment(content_url: str) -> dict[str, str]:
    """The environment of the Dagster processes: this one's, and where the databases and dagster.yaml are."""
    environment = dict(os.environ)
    environment["MORPHEUS_DATABASE_URL"] = content_url
    environment.setdefault("DAGSTER_PG_URL", dagster_database_url(content_url))
    environment.setdefault("DAGSTER_HOME", str(PROJECT_FOLDER))
    # the events of many novels in a few statements; what waits to be written is a step's last seconds at most
    environment.setdefault("DAGSTER_EVENT_BATCH_SIZE", "100")
    return environment


def remember_in_dotenv(dotenv: Path, content_url: str) -> None:
    """Write or refresh our block in `.env`, readable by its owner alone; lines that a person wrote stay and win."""
    text = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    block = re.compile(rf"\n?{re.escape(BLOCK_START)}.*?{re.escape(BLOCK_END)}\n?", re.DOTALL)
    own = block.sub("\n", text).strip("\n")
    values = {"DAGSTER_HOME": str(PROJECT_FOLDER), "DAGSTER_PG_URL": dagster_database_url(content_url)}
    lines = [f"{name}={value}" for name, value in values.items() if not re.search(rf"(?m)^\s*{name}=", own)]
    fresh = "\n".join([*([own, ""] if own else []), BLOCK_START, *lines, BLOCK_END]) + "\n"
    if fresh != text:
        dotenv.touch(mode=0o600)
        dotenv.chmod(0o600)
        dotenv.write_text(fresh, encoding="utf-8")
