"""What `morpheus up` runs over a data folder: addresses, and the processes of its parts, for other processes to read.

It is kept in a file of the data folder, which only its owner can read, for as long as `up` runs. Whether a part lives
is asked of the system at the time of the question: after a kill the file is left as it was.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from morpheus_assets.services.process_start import process_start
from morpheus_assets.services.whole_files import write_whole
from morpheus_assets.settings import Settings

FILE = "up.json"
# The names by which a person and /readyz know the parts.
POSTGRES, CODE_SERVER, WEBSERVER, DAEMON, API = "postgres", "code server", "webserver", "daemon", "api"

State = Literal["ok", "starting", "down"]


@dataclass(frozen=True)
class PartProcess:
    """One part: its process, known by number and `process_start`, and whether it had answered yet.

    A part with `has_child` works through a process of its own making and is dead without it.
    """

    name: str
    pid: int
    started: float
    answered: bool
    has_child: bool = False

    @property
    def state(self) -> State:
        """As it is at this moment."""
        try:
            process = psutil.Process(self.pid)
            alive = process_start(process) == self.started and process.status() != psutil.STATUS_ZOMBIE
            if not alive:
                return "down"
            if self.answered and self.has_child and living_child(process) is None:
                return "down"
        except psutil.Error:
            return "down"
        return "ok" if self.answered else "starting"


@dataclass(frozen=True)
class RunningParts:
    """A running `morpheus up`: where its Dagster UI and its API answer, and its parts."""

    dagster_url: str
    api_url: str | None
    pid: int
    started: float
    parts: tuple[PartProcess, ...]

    @property
    def states(self) -> dict[str, State]:
        """Each part by its name, as it is at this moment."""
        return {part.name: part.state for part in self.parts}


def living_child(process: psutil.Process, known: psutil.Process | None = None) -> psutil.Process | None:
    """A child of a process that has not ended, None when there is none; `known` is one that was found before.

    It is asked first: who has to find another looks at every process of the machine.
    """
    if known is not None and _lives(known):
        return known
    return next(filter(_lives, process.children()), None)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def write_parts(data_folder: Path, dagster_url: str, api_url: str | None, parts: Iterable[PartProcess]) -> None:
    """Tell other processes what the `morpheus up` of this process runs."""
    me = psutil.Process()
    found = RunningParts(dagster_url, api_url, me.pid, process_start(me), tuple(parts))
    write_whole(data_folder / FILE, json.dumps(asdict(found)))


def forget_parts(data_folder: Path) -> None:
    """The end of `write_parts`."""
    (data_folder / FILE).unlink(missing_ok=True)


def running_parts(settings: Settings) -> RunningParts | None:
    """What runs over this data folder; None when no `morpheus up` does."""
    try:
        found = json.loads((settings.data_folder / FILE).read_text(encoding="utf-8"))
        parts = tuple(PartProcess(**part) for part in found.pop("parts"))
        running = RunningParts(**found, parts=parts)
        alive = process_start(psutil.Process(running.pid)) == running.started
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return running if alive else None
