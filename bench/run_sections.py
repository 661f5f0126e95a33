"""Where a run's wall time goes: named functions of the project are timed from outside, all else is the base section.

A section's seconds are its own: those of a section inside it are not counted twice, so that they add up to the whole.
"""

import importlib
import inspect
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import wraps
from typing import Any

# (module that defines it, function or Class.method, section). A generator is timed while it works, not while its
# consumer does.
SECTIONS = (
    ("morpheus_assets.sources.local", "LocalSource.mark", "reading"),
    ("morpheus_assets.sources.local", "LocalSource.read", "reading"),
    ("morpheus_assets.text.novel_files", "read_novel_object", "reading"),
    ("morpheus_assets.text.chapters.find", "find_chapters", "chapters"),
    ("morpheus_assets.text.chunking.chunks", "cut_chunks", "chunking"),
    ("morpheus_assets.text.chunking.chunks", "cut_chapters", "chunking"),
    ("morpheus_assets.defs.io_managers.base", "NovelPartitionsIOManager.handle_output", "storing text"),
    ("morpheus_assets.defs.io_managers.base", "NovelPartitionsIOManager.load_input", "storing text"),
    ("morpheus_assets.store.content.chapters", "chapters_with_contents", "checks"),
    ("morpheus_assets.defs.checks.rows", "_one_ahead", "checks"),
    ("morpheus_assets.defs.checks.rows", "coverage_faults", "checks"),
    ("morpheus_assets.defs.checks.rows", "result_for_all", "checks"),
    ("morpheus_assets.store.spaces.health", "space_health", "checks"),
    ("morpheus_assets.embedding.stream", "embed_batches", "embedding"),
    ("morpheus_assets.defs.io_managers.embeddings", "EmbeddingsIOManager._write", "writing vectors"),
    ("morpheus_assets.store.spaces.indexes", "ensure_index", "index"),
    ("morpheus_assets.defs.io_managers.embeddings", "EmbeddingsIOManager.handle_output", "coverage"),
    ("dagster", "DagsterInstance.handle_new_event", "dagster events"),
)

_END = object()


class Sections:
    """A clock for one thread; `seconds` holds what each section took by itself, `cpu` how much of that it computed."""

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, cpu_clock: Callable[[], float] = time.thread_time
    ) -> None:
        self.seconds: Counter[str] = Counter()
        self.cpu: Counter[str] = Counter()
        self._clock, self._cpu_clock = clock, cpu_clock
        self._open: list[str] = []
        self._since = self._spent = 0.0
        self._thread = threading.get_ident()

    def enter(self, name: str) -> None:
        """Begin a section within the one that is open."""
        self._book()
        self._open.append(name)

    def leave(self) -> None:
        """Go back to the section around."""
        self._book()
        self._open.pop()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Count what happens inside as `name`."""
        self.enter(name)
        try:
            yield
        finally:
            self.leave()

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The same function, counted while it runs in this clock's thread and a section is open."""
        if inspect.isgeneratorfunction(function):

            @wraps(function)
            def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
                yield from self._steps(function(*args, **kwargs), name)

            return steps

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._counts():
                return function(*args, **kwargs)
            with self.section(name):
                result = function(*args, **kwargs)
            return self._steps(result, name) if isinstance(result, Iterator) else result

        return call

    def _steps(self, iterator: Iterator[Any], name: str) -> Iterator[Any]:
        with closing(iterator) if hasattr(iterator, "close") else nullcontext():
            while True:
                with self.section(name) if self._counts() else nullcontext():
                    value = next(iterator, _END)
                if value is _END:
                    return
                yield value

    def _counts(self) -> bool:
        return bool(self._open) and threading.get_ident() == self._thread

    def _book(self) -> None:
        now, spent = self._clock(), self._cpu_clock()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
            self.cpu[self._open[-1]] += spent - self._spent
        self._since, self._spent = now, spent


def owner_of(module: str, path: str) -> tuple[Any, str]:
    """The module or class that holds a function, and its name there; raises AttributeError if it has moved."""
    owner: Any = importlib.import_module(module)
    *parents, last = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    getattr(owner, last)
    return owner, last


def watch(sections: Sections) -> None:
    """Put the clock around every function of SECTIONS, wherever it was imported, for the rest of this process."""
    for module, path, name in SECTIONS:
        owner, last = owner_of(module, path)
        plain = getattr(owner, last)
        timed = sections.timed(plain, name)
        setattr(owner, last, timed)
        for importer in list(sys.modules.values()):
            if getattr(importer, "__name__", "").startswith("morpheus_assets.") and vars(importer).get(last) is plain:
                setattr(importer, last, timed)
