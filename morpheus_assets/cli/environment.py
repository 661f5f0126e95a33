"""What the processes of a deployment must find in their environment, beside what it already holds.

Also the block in `.env` by which `dagster dev` and `dg`, called by hand, find the database.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from morpheus_assets.services.connections import (
    StartFailed,
    child_environment,
    dagster_database_url,
    dagster_home,
    running_database,
)
from morpheus_assets.settings import PROJECT_FOLDER, Settings

BLOCK_START = "# --- kept by `morpheus up`, so that `dagster dev` and `dg` find the database ---"
BLOCK_END = "# --- end ---"


def run_with_database(settings: Settings, command: Sequence[str]) -> int:
    """Run a program of this environment beside a running database; returns its exit code."""
    environment_programs = str(Path(sys.executable).parent)
    with running_database(settings, lambda _: None) as url:
        environment = child_environment(settings, url)
        environment["PATH"] = os.pathsep.join([environment_programs, environment.get("PATH", "")])
        try:
            return subprocess.run(command, env=environment, cwd=PROJECT_FOLDER, check=False).returncode
        except FileNotFoundError:
            raise StartFailed(f"There is no program {command[0]!r} in this environment.") from None


def remember_in_dotenv(dotenv: Path, settings: Settings, content_url: str) -> None:
    """Write or refresh our block in `.env`, readable by its owner alone; lines that a person wrote stay and win."""
    text = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    own = _without_our_block(text)
    home = str(dagster_home(settings.data_folder))
    values = {"DAGSTER_HOME": home, "DAGSTER_PG_URL": dagster_database_url(content_url)}
    lines = [f"{name}={value}" for name, value in values.items() if not re.search(rf"(?m)^\s*{name}=", own)]
    fresh = "\n".join([*([own, ""] if own else []), BLOCK_START, *lines, BLOCK_END]) + "\n"
    if fresh != text:
        dotenv.touch(mode=0o600)
        dotenv.chmod(0o600)
        dotenv.write_text(fresh, encoding="utf-8")


def forget_in_dotenv(dotenv: Path) -> None:
    """Take our block out of `.env`, and the file away where nothing else stands in it."""
    text = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    own = _without_our_block(text)
    if BLOCK_START in text and own:
        dotenv.write_text(own + "\n", encoding="utf-8")
    elif BLOCK_START in text:
        dotenv.unlink()


def _without_our_block(text: str) -> str:
    block = re.compile(rf"\n?{re.escape(BLOCK_START)}.*?{re.escape(BLOCK_END)}\n?", re.DOTALL)
    return block.sub("\n", text).strip("\n")
