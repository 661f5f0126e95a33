"""What each novel of a step cost: inputs, tokens, requests, counted while batches arrive. Nothing is stored here."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from morpheus_assets.embedding.packs import EmbeddedBatch, RefusedInput
from morpheus_assets.store.coverage import MissingInput


@dataclass
class Tally:
    """What each novel of a step cost; a batch is shared out by the tokens that its inputs were estimated at."""

    waiting: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    embedded: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    def watch(self, missing: Iterable[MissingInput]) -> Iterator[MissingInput]:
        """The same inputs, remembered until they come back."""
        for row in missing:
            self.waiting[row.content_hash] = (row.novel, max(1, row.token_count))
            yield row

    def add(self, outcome: EmbeddedBatch | RefusedInput) -> None:
        """Count what was stored, or recorded as refused."""
        if isinstance(outcome, RefusedInput):
            self.add_refusal(outcome)
        else:
            self.add_batch(outcome)

    def add_batch(self, batch: EmbeddedBatch) -> None:
        """Count a batch that was stored."""
        rows = [self.waiting.pop(value) for value in batch.hashes]
        shares: Counter[str] = Counter()
        for novel, tokens in rows:
            self.embedded[novel] += 1
            shares[novel] += tokens
        left, weight = batch.tokens, sum(shares.values())
        for novel, share in shares.items():
            part = round(left * share / weight) if weight else 0
            self.tokens[novel] += part
            left, weight = left - part, weight - share
        self.requests[rows[0][0]] += batch.requests

    def add_refusal(self, refusal: RefusedInput) -> None:
        """Count an input that the provider refused."""
        novel, _ = self.waiting.pop(refusal.content_hash)
        self.refused[novel] += 1
        self.requests[novel] += refusal.requests
