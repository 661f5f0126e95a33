"""How an asset hands its partitions to the IO manager: one by one, computed when they are about to be stored.

Also the other direction, reading several upstream partitions lazily. Nothing here knows what is stored.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class PartitionResults(Generic[T]):
    """What a run makes of each of its novels; `compute(novel)` is called once, just before it is stored."""

    novels: Sequence[str]
    compute: Callable[[str], T]


@dataclass(frozen=True)
class StoredPartitions(Mapping[str, T]):
    """Upstream partitions by novel; each is read from the store when it is asked for, and not kept."""

    novels: Sequence[str]
    load: Callable[[str], T]

    def __getitem__(self, novel: str) -> T:
        if novel not in self.novels:
            raise KeyError(novel)
        return self.load(novel)

    def __iter__(self) -> Iterator[str]:
        return iter(self.novels)

    def __len__(self) -> int:
        return len(self.novels)


def by_novel(novels: Sequence[str], loaded: T | Mapping[str, T]) -> Mapping[str, T]:
    """Give an input as a mapping, whether the run has one partition (its value) or several (a mapping)."""
    if isinstance(loaded, StoredPartitions):
        return loaded
    [novel] = novels
    return {novel: loaded}  # type: ignore[dict-item]
