"""Child processes: started, ended with everything that they started, and cleaned up after an owner that was killed."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from morpheus_assets.services.process_start import process_start
from morpheus_assets.services.whole_files import write_whole

STOP_SECONDS = 30.0


class Supervisor:
    """Child processes of one owner, remembered in `record` so that the next owner can end what was left over.

    Once `hurried` is set nothing is waited for at the end.
    """

    def __init__(self, record: Path, hurried: threading.Event | None = None) -> None:
        self.record = record
        self.hurried = hurried or threading.Event()
        self.children: list[subprocess.Popen[bytes]] = []
        self._started: dict[int, float] = {}

    def end_leftovers(self) -> int:
        """End processes that an owner which was killed left behind; returns how many."""
        try:
            remembered = json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0
        left = [process for session, started in remembered for process in _session(session, since=started)]
        _end(left)
        self.record.unlink(missing_ok=True)
        return len(left)

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start `command` in a session of its own, with signals at their defaults and output in `log`."""
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # a shell's `&` leaves SIGINT ignored, which children inherit; Dagster then ignores SIGTERM too
                preexec_fn=_default_signals,
            )
        # what an earlier child of the same kind had started may outlive it, so it is forgotten only when all is gone
        self.children = [each for each in self.children if each.poll() is None or _session(each.pid)]
        self.children.append(child)
        self._remember()
        return child

    def stop(self) -> None:
        """Ask every child to end, wait, and end by force what is still there."""
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children):
            while child.poll() is None and time.monotonic() < deadline:
                if self.hurried.wait(0.05):
                    break
            if child.poll() is None:
                child.kill()
                child.wait()
            _end(_session(child.pid), 0.0 if self.hurried.is_set() else 10.0)
        self.record.unlink(missing_ok=True)

    def _remember(self) -> None:
        for child in self.children:
            with suppress(psutil.NoSuchProcess):
                self._started.setdefault(child.pid, process_start(psutil.Process(child.pid)))
        rows = [[child.pid, self._started[child.pid]] for child in self.children if child.pid in self._started]
        # without room for it what runs goes on, and the next start of a child writes it
        with suppress(OSError):
            write_whole(self.record, json.dumps(rows))


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _session(session: int, since: float = 0.0) -> list[psutil.Process]:
    """Processes of one session, also those whose parent is gone; `since` guards against a reused number."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process_start(process) >= since:
                found.append(process)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
    return found


def _end(processes: Sequence[psutil.Process], seconds: float = 10.0) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
