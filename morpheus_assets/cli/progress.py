"""Progress on the terminal of what takes longer than two seconds; nothing where nobody watches."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self

import click

QUIET_SECONDS = 2.0
_EVERY_SECONDS = 0.25


class Progress(Protocol):
    """Told of every step how much was done."""

    def __call__(self, done: int) -> None:
        """`done` since the last call."""
        ...


class Bytes:
    """A line with the bytes that went by, of `total` where that is known."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._begun = time.monotonic()
        self._shown = 0.0
        self._watched = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        """As Progress."""
        self._done += done
        now = time.monotonic()
        if self._watched and now - self._begun > QUIET_SECONDS and now - self._shown > _EVERY_SECONDS:
            self._shown = now
            click.echo(f"\r{self._line()}", nl=False, err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            click.echo(f"\r{self._line()}", err=True)

    def _line(self) -> str:
        if self._total is None:
            return f"{self._what}: {size(self._done)}"
        share = min(1.0, self._done / self._total) if self._total else 1.0
        filled = int(share * 30)
        return f"{self._what}: [{'#' * filled}{'-' * (30 - filled)}] {share:4.0%} of {size(self._total)}"


@contextmanager
def bar(what: str, length: int) -> Iterator[Progress]:
    """A bar for a number of steps."""
    with click.progressbar(length=length, label=what, file=sys.stderr, hidden=not sys.stderr.isatty()) as shown:
        yield lambda done: shown.update(done)


def size(count: int) -> str:
    """Bytes as a person reads them."""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
