"""The environment of a deployment's processes, a program run in it, and the block in `.env` for programs run by hand.

The block is read by `dagster dev` and `dg`, which find the database by it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from morpheus_assets.services.connections import StartFailed, dagster_database_url, running_database
from morpheus_assets.settings import PROJECT_FOLDER, Settings

BLOCK_START = "# --- kept by `morpheus up`, so that `dagster dev` and `dg` find the database ---"
BLOCK_END = "# --- end ---"


def child_environment(content_url: str) -> dict[str, str]:
    """The environment of the processes beside Postgres: this one's, and where the databases and dagster.yaml are."""
    environment = dict(os.environ)
    environment["MORPHEUS_DATABASE_URL"] = content_url
    environment.setdefault("DAGSTER_PG_URL", dagster_database_url(content_url))
    environment.setdefault("DAGSTER_HOME", str(PROJECT_FOLDER))
    # the events of many novels in a few statements; what waits to be written is a step's last seconds at most
    environment.setdefault("DAGSTER_EVENT_BATCH_SIZE", "100")
    return environment


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
