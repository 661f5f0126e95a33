"""CPU seconds and memory of this process, of a Postgres with all its backends, and of one more process."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil


def postmaster_of(url: str) -> psutil.Process:
    """The server behind a local URL."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        [folder] = connection.execute("SHOW data_directory").fetchone() or [""]
    return psutil.Process(int((Path(folder) / "postmaster.pid").read_text().split()[0]))


def tree_cpu(root: psutil.Process) -> float:
    """CPU seconds of a process and of every child it has or had."""
    own = root.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in root.children(recursive=True):
        with suppress(psutil.Error):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def tree_memory(root: psutil.Process) -> dict[str, int]:
    """Bytes of a process and its children: `all`, what they share counted once, and the `largest` one's own."""
    total, largest = 0, 0
    with suppress(psutil.Error):
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error):
                memory = process.memory_full_info()
                total, largest = total + memory.pss, max(largest, memory.uss)
    return {"all": total, "largest": largest}


@dataclass
class Meters:
    """Readings since the last `take`, by name; `wrap` counts what one function took."""

    postgres: psutil.Process
    provider: psutil.Process
    parts: Counter[str] = field(default_factory=Counter)

    def read(self) -> dict[str, float]:
        return {
            "wall": time.perf_counter(),
            "own": time.process_time(),
            "postgres": tree_cpu(self.postgres),
            "provider": tree_cpu(self.provider),
        }

    @contextmanager
    def measured(self) -> Iterator[dict[str, float]]:
        """Seconds of wall time and of CPU, filled in at the end."""
        found: dict[str, float] = {}
        before = self.read()
        yield found
        found.update({name: value - before[name] for name, value in self.read().items()})

    def wrap(self, module: Any, name: str) -> None:
        """Add up what `module.name` takes, as `name` and `name.postgres`; calls do not nest."""
        inner: Callable[..., Any] = getattr(module, name)

        def outer(*arguments: Any, **options: Any) -> Any:
            with self.measured() as found:
                result = inner(*arguments, **options)
            self.parts[name] += found["wall"]
            self.parts[name + ".postgres"] += found["postgres"]
            return result

        setattr(module, name, outer)

    def take(self) -> dict[str, float]:
        parts = dict(self.parts)
        self.parts.clear()
        return parts

    @contextmanager
    def peaks(self, every: float = 0.1) -> Iterator[dict[str, int]]:
        """The largest `tree_memory` of Postgres while the block runs, filled in at its end.

        Looking takes CPU of this process (some ms each time), so nothing else is measured meanwhile.
        """
        found = tree_memory(self.postgres)
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(every):
                found.update({name: max(size, found[name]) for name, size in tree_memory(self.postgres).items()})

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            ended.set()
            thread.join()


def forget_cached(folder: Path) -> None:
    """Ask the kernel to drop a folder's files from its cache (nobody else's)."""
    os.sync()
    for path in folder.rglob("*"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
