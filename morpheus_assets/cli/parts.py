"""The parts of `morpheus up`, watched: what dies is said in one sentence and started again, with growing pauses.

A part that dies three times within a minute ends everything. While the database is away, and shortly after, the deaths
of other parts are its doing and do not count.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from morpheus_assets.cli.supervisor import Supervisor
from morpheus_assets.services.connections import StartFailed
from morpheus_assets.services.process_start import process_start
from morpheus_assets.services.running_parts import POSTGRES, PartProcess, living_child
from morpheus_assets.store.database.embedded import EmbeddedPostgres

START_SECONDS = 120.0
MOST_DEATHS, WITHIN_SECONDS = 3, 60.0
# The pause before a part is started again, by how often it died within the last ten minutes. One that dies at once
# ends everything within a minute; longer pauses only kept whole what had been killed now and then (31 to 60 s away).
_PAUSES = (0.0, 2.0, 5.0)
_LONG_AGO = 600.0
_AFTER_THE_DATABASE = 15.0
_ASK_AGAIN = 2.0


class Part(Protocol):
    """What can be started, looked at and started again."""

    name: str
    title: str
    log: Path
    has_child: bool

    def start(self) -> int:
        """Start it and return the number of its process."""
        ...

    def how_it_ended(self) -> str | None:
        """What happened to it, as the rest of a sentence; None while it lives."""
        ...

    def answers(self) -> bool:
        """True when it does its work; asked until it is so for the first time."""
        ...

    def end(self) -> None:
        """End it by force, before it is started again."""
        ...


class Child:
    """A part that is a child process; `answers` may take two seconds."""

    def __init__(
        self,
        name: str,
        title: str,
        supervisor: Supervisor,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        answers: Callable[[float], bool],
        *,
        has_child: bool = False,
    ) -> None:
        self.name, self.title, self.log, self.has_child = name, title, log, has_child
        self._supervisor, self._command, self._environment = supervisor, command, environment
        self._folder, self._answers = folder, answers
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._has_answered = False
        self._child: psutil.Process | None = None
        self._looks_without_child = 0

    def start(self) -> int:
        """In a session of its own."""
        self._started, self._has_answered, self._child, self._looks_without_child = time.time(), False, None, 0
        self._process = self._supervisor.start(self._command, self._environment, self._folder, self.log)
        return self._process.pid

    def how_it_ended(self) -> str | None:
        """Also when only the process behind it did."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is not None:
            return f"was killed ({_signal(-code)})" if code < 0 else f"ended with exit code {code}"
        if self.has_child and self._has_answered:
            # one that is replaced by a fresh one is never missed twice in a row
            self._child = living_child(psutil.Process(self._process.pid), self._child)
            self._looks_without_child = self._looks_without_child + 1 if self._child is None else 0
            if self._looks_without_child > 1:
                return "lost the process that it works through"
        return None

    def answers(self) -> bool:
        """Asked of what was given, with the time of the process's start, in seconds since 1970."""
        self._has_answered = self._answers(self._started)
        return self._has_answered

    def end(self) -> None:
        """Its own process only: runs that it had started go on."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class PostgresPart:
    """The embedded server of this process, which has been started already."""

    name, title, has_child = POSTGRES, "embedded Postgres", False

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self.log = server.log

    def start(self) -> int:
        """Wait until it has recovered; raises EmbeddedServerError."""
        self._server.start()
        return self._server.pid or 0

    def how_it_ended(self) -> str | None:
        """Its exit code is init's."""
        return "has ended" if self._server.pid is None else None

    def answers(self) -> bool:
        """A server that was started answers."""
        return True

    def end(self) -> None:
        """There is nothing that could hang without answering."""


@dataclass
class _Watched:
    part: Part
    process: PartProcess | None = None
    answered: bool = False
    began: float = 0.0
    deaths: list[float] = field(default_factory=list)
    start_at: float | None = None


class Watch:
    """Starts parts, notices their deaths, starts them again.

    `say` gets the sentences, `note` every change of what runs; `database_answers` is asked when something died. Times
    are those of a monotonic clock.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        note: Callable[[list[PartProcess]], None],
        database_answers: Callable[[], bool],
    ) -> None:
        self._say, self._note, self._database_answers = say, note, database_answers
        self._watched: list[_Watched] = []
        self._database_back = 0.0
        self._untold = False

    def adopt(self, part: Part, pid: int) -> None:
        """Watch a part that was started and answers."""
        each = _Watched(part, answered=True)
        self._watched.append(each)
        self._started(each, pid)

    def start(self, part: Part) -> None:
        """Start a part and watch it."""
        each = _Watched(part)
        self._watched.append(each)
        self._start(each)

    def wait_for(self, part: Part, stopped: Callable[[float], bool]) -> None:
        """Return when a part answers that was started for the first time, or when `stopped(seconds)` says so.

        Raises StartFailed when it ends first or takes too long.
        """
        each = next(each for each in self._watched if each.part is part)
        while not each.answered:
            how = part.how_it_ended()
            if how is not None:
                raise StartFailed(f"The {part.title} could not start: it {how}; its log is {part.log}.")
            if time.monotonic() - each.began > START_SECONDS:
                raise StartFailed(
                    f"The {part.title} did not answer within {START_SECONDS:.0f} seconds; its log is {part.log}."
                )
            self._ask(each)
            if not each.answered and stopped(0.2):
                return

    def look(self) -> None:
        """One look at every part. Raises StartFailed when one dies too often, EmbeddedServerError for Postgres."""
        if self._untold:
            self._tell()
        for each in self._watched:
            if each.start_at is not None:
                if time.monotonic() >= each.start_at:
                    self._start_when_possible(each)
                continue
            how = each.part.how_it_ended()
            if how is None and not each.answered:
                self._ask(each)
                if not each.answered and time.monotonic() - each.began > START_SECONDS:
                    how = f"did not answer within {START_SECONDS:.0f} seconds"
            if how is not None:
                self._died(each, how)

    def _died(self, each: _Watched, how: str) -> None:
        now, part = time.monotonic(), each.part
        part.end()
        each.answered = False
        is_database = part.name == POSTGRES
        away = not is_database and not self._database_answers()
        if is_database or away:
            self._database_back = now
        if is_database or not (away or now - self._database_back < _AFTER_THE_DATABASE):
            each.deaths = [death for death in each.deaths if now - death < _LONG_AGO] + [now]
        recent = [death for death in each.deaths if now - death < WITHIN_SECONDS]
        if len(recent) >= MOST_DEATHS:
            raise StartFailed(
                f"The {part.title} ended {MOST_DEATHS} times within a minute (at last it {how}), so everything is"
                f" stopped; its log is {part.log}."
            )
        pause = 0.0 if away else _PAUSES[min(max(len(each.deaths) - 1, 0), len(_PAUSES) - 1)]
        when = " when the database answers" if away else f" in {pause:.0f} s" if pause else ""
        self._say(f"The {part.title} {how}; it is started again{when}.")
        each.start_at = now + pause
        self._tell()

    def _start_when_possible(self, each: _Watched) -> None:
        if each.part.name != POSTGRES and not self._database_answers():
            self._database_back = time.monotonic()
            each.start_at = time.monotonic() + _ASK_AGAIN
            return
        self._start(each)
        if each.part.name == POSTGRES:
            self._database_back = time.monotonic()

    def _start(self, each: _Watched) -> None:
        each.start_at, each.answered = None, each.part.name == POSTGRES
        self._started(each, each.part.start())

    def _started(self, each: _Watched, pid: int) -> None:
        each.began = time.monotonic()
        try:
            started = process_start(psutil.Process(pid))
        except psutil.Error:
            started = 0.0
        each.process = PartProcess(each.part.name, pid, started, each.answered, each.part.has_child)
        self._tell()

    def _ask(self, each: _Watched) -> None:
        if each.process is not None and each.part.answers():
            each.answered = True
            was = each.process
            each.process = PartProcess(was.name, was.pid, was.started, True, was.has_child)
            self._tell()

    def _tell(self) -> None:
        try:
            self._note([each.process for each in self._watched if each.process is not None])
        except OSError as fault:
            # a full disk ends nothing that runs
            if not self._untold:
                self._say(f"What runs cannot be noted for other programs ({fault.strerror}); it is tried again.")
            self._untold = True
        else:
            self._untold = False


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
