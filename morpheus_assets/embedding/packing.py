"""Filling requests: as many inputs as a provider's limits allow, pulled lazily, each hash once.

Knows nothing of sending; what a request may hold comes from the provider.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from morpheus_assets.embedding.providers import EmbeddingProvider


@dataclass(frozen=True)
class EmbeddingInput:
    """Something to embed: its hash, the text or image, and its size in tokens (texts are estimated anew)."""

    content_hash: bytes
    content: Any
    tokens: int = 0


@dataclass(frozen=True)
class Pack:
    """The inputs of one request, with the tokens that each is expected to cost, and requests made for it in vain."""

    inputs: tuple[EmbeddingInput, ...]
    tokens: tuple[int, ...]
    requests: int = 0

    def split(self, at: int | None) -> tuple["Pack", "Pack"]:
        """Two packs: the input at that position alone and the others, or (None) two halves."""
        if at is not None:
            others = [index for index in range(len(self.inputs)) if index != at]
            return self._pick([at]), self._pick(others)
        middle = len(self.inputs) // 2
        return self._pick(range(middle)), self._pick(range(middle, len(self.inputs)))

    def without(self, hashes: Collection[bytes], *, requests: int) -> "Pack":
        """What is left once some inputs have their vector or are refused."""
        kept = [index for index, item in enumerate(self.inputs) if item.content_hash not in hashes]
        return replace(self._pick(kept), requests=requests)

    def _pick(self, positions: Iterable[int]) -> "Pack":
        kept = list(positions)
        return Pack(tuple(self.inputs[i] for i in kept), tuple(self.tokens[i] for i in kept))


class Packer:
    """Cuts a stream of inputs into packs; holds one input ahead and the hashes seen, nothing else."""

    def __init__(
        self, inputs: Iterable[EmbeddingInput], provider: EmbeddingProvider, max_inputs: int | None = None
    ) -> None:
        self._source = self._distinct(inputs)
        self._provider = provider
        self._most = min(provider.limits.max_inputs, max_inputs or provider.limits.max_inputs)
        self._held: tuple[EmbeddingInput, int] | None = None

    def shrink(self, inputs: int) -> None:
        """Put at most half of `inputs` into a pack from now on: the provider found that many too large."""
        self._most = max(1, min(self._most, inputs // 2))

    def next_pack(self) -> Pack | None:
        """The next pack, None at the end; an input larger than a request may be goes alone."""
        most_tokens = self._provider.limits.max_request_tokens
        inputs: list[EmbeddingInput] = []
        tokens: list[int] = []
        total = 0
        while len(inputs) < self._most:
            measured = self._held or next(self._source, None)
            if measured is None:
                break
            if inputs and most_tokens is not None and total + measured[1] > most_tokens:
                self._held = measured
                break
            self._held = None
            inputs.append(measured[0])
            tokens.append(measured[1])
            total += measured[1]
        return Pack(tuple(inputs), tuple(tokens)) if inputs else None

    def _distinct(self, inputs: Iterable[EmbeddingInput]) -> Iterator[tuple[EmbeddingInput, int]]:
        seen: set[bytes] = set()
        for item in inputs:
            if item.content_hash not in seen:
                seen.add(item.content_hash)
                text = item.content
                yield item, self._provider.estimate_tokens(text) if isinstance(text, str) else item.tokens
