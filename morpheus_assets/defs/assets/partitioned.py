"""The partitions of a step as a mapping by novel, computed or read one at a time, so that memory does not grow.

An asset returns one, and the IO manager takes novel after novel from it; inputs of many partitions come as one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class LazyPartitions(Mapping[str, T]):
    """Values by novel: `value_of(novel)` makes one each time it is asked for, and none is kept."""

    novels: Sequence[str]
    value_of: Callable[[str], T]

    def __getitem__(self, novel: str) -> T:
        if novel not in self.novels:
            raise KeyError(novel)
        return self.value_of(novel)

    def __iter__(self) -> Iterator[str]:
        return iter(self.novels)

    def __len__(self) -> int:
        return len(self.novels)


def by_novel(novels: Sequence[str], loaded: T | Mapping[str, T]) -> Mapping[str, T]:
    """Give an input as a mapping, whether the run has one partition (its value) or several (a mapping)."""
    if isinstance(loaded, LazyPartitions):
        return loaded
    [novel] = novels
    return {novel: loaded}  # type: ignore[dict-item]
