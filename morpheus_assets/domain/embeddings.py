"""Vectors between the provider that gave them and the space that keeps them, as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Cost:
    """One novel's share of a batch: inputs embedded, inputs refused, tokens charged, requests made.

    What is uncertain was sent and not answered in time, so that it is perhaps paid for.
    """

    embedded: int = 0
    refused: int = 0
    tokens: int = 0
    requests: int = 0
    uncertain_inputs: int = 0
    uncertain_tokens: int = 0
    uncertain_requests: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.embedded + other.embedded,
            self.refused + other.refused,
            self.tokens + other.tokens,
            self.requests + other.requests,
            self.uncertain_inputs + other.uncertain_inputs,
            self.uncertain_tokens + other.uncertain_tokens,
            self.uncertain_requests + other.uncertain_requests,
        )


@dataclass(frozen=True)
class VectorBatch:
    """Vectors that arrived together: float32 [n, dimensions], row i belongs to `hashes[i]`; `costs` by novel."""

    hashes: Sequence[bytes]
    embeddings: "np.ndarray"
    costs: Mapping[str, Cost]


@dataclass(frozen=True)
class RefusedContent:
    """An input that the provider refuses by itself, with its reason; `costs` has its novel."""

    content_hash: bytes
    reason: str
    costs: Mapping[str, Cost]


@dataclass(frozen=True)
class UnansweredContent:
    """Inputs that were sent `together` and not answered in time; `costs` by novel are uncertain."""

    hashes: Sequence[bytes]
    together: int
    costs: Mapping[str, Cost]


@dataclass(frozen=True)
class FailedNovel:
    """A novel that did not get through, with the error that says why; comes after all that arrived."""

    novel: str
    error: Exception


Arrival = VectorBatch | RefusedContent | UnansweredContent | FailedNovel
