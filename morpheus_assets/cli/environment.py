"""The environment of a deployment's processes, a program run in it, and the block in `.env` for programs run by hand.

The block is read by `dagster dev` and `dg`, which find the database by it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from morpheus_assets.services.connections import Databases, StartFailed, running_database
from morpheus_assets.services.whole_files import write_whole
from morpheus_assets.settings import PROJECT_FOLDER, Settings

BLOCK_START = "# --- kept by `morpheus up`, so that `dagster dev` and `dg` find the database ---"
BLOCK_END = "# --- end ---"


def child_environment(settings: Settings, databases: Databases) -> dict[str, str]:
    """The environment of the Dagster processes: this one's, and where the databases and dagster.yaml are."""
    environment = dict(os.environ)
    environment["MORPHEUS_DATABASE_URL"] = databases.content
    environment.setdefault("DAGSTER_PG_URL", databases.dagster)
    if not environment.get("DAGSTER_HOME"):
        environment["DAGSTER_HOME"] = str(dagster_home(settings.data_folder))
    # the events of many novels in a few statements; what waits to be written is a step's last seconds at most
    environment.setdefault("DAGSTER_EVENT_BATCH_SIZE", "100")
    return environment


def dagster_home(data_folder: Path) -> Path:
    """The folder that DAGSTER_HOME names, made when it is missing: a link to the project's dagster.yaml.

    Dagster writes beside its dagster.yaml, the output of steps above all: never into the project's own folder.
    """
    home, wanted = data_folder / "dagster", PROJECT_FOLDER / "dagster.yaml"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = home / wanted.name
    # a file of a person's own stays
    if not link.exists() or (link.is_symlink() and link.readlink() != wanted):
        fresh = home / f"{wanted.name}.{os.getpid()}"
        fresh.symlink_to(wanted)
        fresh.replace(link)
    return home


def run_with_database(settings: Settings, command: Sequence[str], say: Callable[[str], None]) -> int:
    """Run a program of this environment beside a running database; returns its exit code.

    `say` is told when Dagster's programs will find another value in `.env` than this environment has.
    """
    environment_programs = str(Path(sys.executable).parent)
    with running_database(settings, lambda _: None, os.environ.get("DAGSTER_PG_URL")) as databases:
        environment = child_environment(settings, databases)
        environment["PATH"] = os.pathsep.join([environment_programs, environment.get("PATH", "")])
        if Path(command[0]).name.startswith(("dagster", "dg")):
            for sentence in decided_by_dotenv(PROJECT_FOLDER / ".env", environment):
                say(sentence)
        try:
            return subprocess.run(command, env=environment, cwd=PROJECT_FOLDER, check=False).returncode
        except FileNotFoundError:
            raise StartFailed(f"There is no program {command[0]!r} in this environment.") from None


def decided_by_dotenv(dotenv: Path, environment: Mapping[str, str]) -> list[str]:
    """A sentence when Dagster, which lets `.env` win over the environment, will take other values from it; else none.

    The values are not repeated: they may be secrets.
    """
    from dotenv import dotenv_values

    found = dotenv_values(dotenv) if dotenv.exists() else {}
    names = sorted(name for name, value in found.items() if value and environment.get(name, value) != value)
    if not names:
        return []
    return [
        f"{dotenv} decides over the environment here, for Dagster reads it so: {', '.join(names)}. Take the line out of"
        " it, or start the program in another folder."
    ]


def remember_in_dotenv(dotenv: Path, settings: Settings, databases: Databases) -> None:
    """Write or refresh our block in `.env`, readable by its owner alone; lines that a person wrote stay and win."""
    text = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    own = _without_our_block(text)
    home = str(dagster_home(settings.data_folder))
    values = {"DAGSTER_HOME": home, "DAGSTER_PG_URL": databases.dagster}
    lines = [f"{name}={value}" for name, value in values.items() if not re.search(rf"(?m)^\s*{name}=", own)]
    fresh = "\n".join([*([own, ""] if own else []), BLOCK_START, *lines, BLOCK_END]) + "\n"
    if fresh != text:
        write_whole(dotenv, fresh)


def forget_in_dotenv(dotenv: Path) -> None:
    """Take our block out of `.env`, and the file away where nothing else stands in it."""
    text = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    own = _without_our_block(text)
    if BLOCK_START in text and own:
        write_whole(dotenv, own + "\n")
    elif BLOCK_START in text:
        dotenv.unlink()


def _without_our_block(text: str) -> str:
    block = re.compile(rf"\n?{re.escape(BLOCK_START)}.*?{re.escape(BLOCK_END)}\n?", re.DOTALL)
    return block.sub("\n", text).strip("\n")
