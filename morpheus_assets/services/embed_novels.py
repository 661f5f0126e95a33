"""Embedding what novels lack in a space: claims, one stream of requests, a second pass for each novel when it breaks.

Gives batches as they arrive, with what they cost each novel. Storing them is the caller's.
"""

import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from morpheus_assets.domain.embeddings import Arrival, Cost, FailedNovel, RefusedContent, VectorBatch
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import BillingError, ConfigurationError, EmbeddingError
from morpheus_assets.embedding.packs import EmbeddedBatch, RefusedInput
from morpheus_assets.store.database.errors import LeaseLost
from morpheus_assets.store.database.outages import passes_by_itself, ping, retry_while_down
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import MissingInput, coverage

if TYPE_CHECKING:
    from morpheus_assets.embedding.packs import EmbeddingInput
    from morpheus_assets.images.scaled_decoding import LeastSize


# No other novel would fare better: a setting is wrong, or the account is empty.
FOR_A_PERSON = (ConfigurationError, BillingError)
# So many novels in a row that fail by themselves: it is not the novels, the provider is down.
FAILURES_THAT_END = 3
RESTARTS_SURVIVED = 3


Embed = Callable[[Space, Iterable[MissingInput]], Iterator[EmbeddedBatch | RefusedInput]]
"""Turns missing inputs into vectors of a space, a batch at a time, in the order in which they arrive."""


class SpaceFiller:
    """Embeds the inputs that novels lack in one space."""

    def __init__(self, engine: Engine, row: SpaceRow, embed: Embed, log: logging.Logger) -> None:
        self._engine = engine
        self._row = row
        self._embed = embed
        self._log = log
        self._shares = _Shares()

    def fill(self, novels: Sequence[str]) -> Generator[Arrival, None, None]:
        """Yield batches and refused inputs as they arrive, at last each novel that did not get through.

        Store what was yielded before asking for the next: what is stored is known from the database. The novels go in
        one stream; when it breaks, novel by novel, so that one takes no other with it. A database that restarts is
        waited for. Claims are held while the iterator is open; close it to end the requests and give the claims back.
        """
        error = yield from self._stream(novels)
        if error is None:
            return
        faults: dict[str, EmbeddingError] = dict.fromkeys(self._incomplete(novels), error)
        if len(novels) > 1 and not isinstance(error, FOR_A_PERSON):
            yield from self._fill_each(faults)
        for novel, fault in faults.items():
            yield FailedNovel(novel, fault)

    def _fill_each(self, faults: dict[str, EmbeddingError]) -> Iterator[Arrival]:
        # In another order each time: a few faulty novels in a row must not stand before the others every night.
        novels = list(faults)
        random.shuffle(novels)
        in_a_row = 0
        for novel in novels:
            error = yield from self._stream([novel])
            if error is None:
                in_a_row = 0
                del faults[novel]
                continue
            in_a_row += 1
            faults[novel] = error
            if in_a_row == FAILURES_THAT_END or isinstance(error, FOR_A_PERSON):
                return

    def _stream(self, novels: Sequence[str]) -> Generator[Arrival, None, EmbeddingError | None]:
        for _ in range(RESTARTS_SURVIVED):
            try:
                return (yield from self._pass(novels))
            except LeaseLost as error:
                self._log.warning("%s What is left is taken up anew.", error)
            except Exception as error:
                if not passes_by_itself(error):
                    raise
                self._log.warning("The database went away; the work goes on as soon as it is back.")
                retry_while_down(partial(ping, self._engine))
        return (yield from self._pass(novels))

    def _pass(self, novels: Sequence[str]) -> Generator[Arrival, None, EmbeddingError | None]:
        try:
            with open_claims(self._engine, self._row, novels) as claims:
                while True:
                    outcomes: Any = self._embed(self._row, self._shares.watch(claims.missing()))
                    with closing(outcomes):
                        for outcome in outcomes:
                            yield self._shares.arrival(outcome)
                    if not claims.wait_for_others():
                        return None
        except EmbeddingError as error:
            return error

    def _incomplete(self, novels: Sequence[str]) -> list[str]:
        covered = retry_while_down(partial(coverage, self._engine, self._row, novels))
        return [each.novel for each in covered.novels if each.missing]


class _Shares:
    """Shares a batch out between novels, by the tokens that their inputs were estimated at."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, tuple[str, int]] = {}

    def watch(self, missing: Iterable[MissingInput]) -> Iterator[MissingInput]:
        """The same inputs, remembered until they come back."""
        for row in missing:
            self._waiting[row.content_hash] = (row.novel, max(1, row.token_count))
            yield row

    def arrival(self, outcome: EmbeddedBatch | RefusedInput) -> VectorBatch | RefusedContent:
        """The outcome of some of these inputs, with what it cost each novel."""
        if isinstance(outcome, RefusedInput):
            novel, _ = self._waiting.pop(outcome.content_hash)
            cost = Cost(refused=1, requests=outcome.requests)
            return RefusedContent(outcome.content_hash, outcome.reason, {novel: cost})
        return VectorBatch(outcome.hashes, outcome.embeddings, self._costs(outcome))

    def _costs(self, batch: EmbeddedBatch) -> dict[str, Cost]:
        rows = [self._waiting.pop(value) for value in batch.hashes]
        inputs = Counter(novel for novel, _ in rows)
        weights: Counter[str] = Counter()
        for novel, tokens in rows:
            weights[novel] += tokens
        costs = {}
        tokens_left, weight_left, requests = batch.tokens, weights.total(), batch.requests
        for novel, weight in weights.items():
            tokens = round(tokens_left * weight / weight_left)
            costs[novel] = Cost(embedded=inputs[novel], tokens=tokens, requests=requests)
            # Requests are not shared out: they count for the first novel of the batch.
            tokens_left, weight_left, requests = tokens_left - tokens, weight_left - weight, 0
        return costs


def panel_input(read: Callable[[str], bytes], row: "MissingInput", max_pixels: int) -> "EmbeddingInput":
    """A panel that is read and decoded when it is sent; refused when its file is not the one that was listed.

    Decoded whole, unless who takes it says how little is enough.
    """

    from morpheus_assets.embedding.errors import InputRefused
    from morpheus_assets.embedding.packs import EmbeddingInput

    def decode(least: "LeastSize | None" = None) -> object:
        from morpheus_assets.images.decoding import decode_panel

        data = read(row.content)
        if hashlib.sha256(data).digest() != row.content_hash:
            raise InputRefused(f"{row.content} changed since it was listed; its next run takes it as it is now.")
        return decode_panel(data, row.content, max_pixels=max_pixels, least=least).image

    return EmbeddingInput(row.content_hash, decode)
