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
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Engine

from morpheus_assets.domain.embeddings import (
    Arrival,
    Cost,
    FailedNovel,
    RefusedContent,
    UnansweredContent,
    VectorBatch,
)
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import AnswerOverdue, BillingError, ConfigurationError, EmbeddingError
from morpheus_assets.embedding.packs import RefusedInput, StreamResult, UnansweredRequest
from morpheus_assets.store.database.errors import LeaseLost
from morpheus_assets.store.database.outages import passes_by_itself, ping, retry_while_down
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import MissingInput, coverage

if TYPE_CHECKING:
    from morpheus_assets.embedding.packs import EmbeddingInput
    from morpheus_assets.images.scaled_decoding import LeastSize
    from morpheus_assets.services.page_reading import PageReader


# No other novel would fare better: a setting is wrong, or the account is empty.
FOR_A_PERSON = (ConfigurationError, BillingError)
# Nor then: the provider did not answer even a harmless sentence, and every further try is perhaps paid for.
ENDS_ALL = (*FOR_A_PERSON, AnswerOverdue)
# So many novels in a row that fail by themselves: it is not the novels, the provider is down.
FAILURES_THAT_END = 3
RESTARTS_SURVIVED = 3


class Embed(Protocol):
    """Turns missing inputs into vectors of a space, a batch at a time, in the order in which they arrive."""

    def __call__(
        self, space: Space, missing: Iterable[MissingInput], ensure: Callable[[], object] | None = None, /
    ) -> Iterator[StreamResult]:
        """`ensure` raises before a request whose inputs have passed to another process."""


class SpaceFiller:
    """Embeds the inputs that novels lack in one space."""

    def __init__(
        self,
        engine: Engine,
        row: SpaceRow,
        embed: Embed,
        log: logging.Logger,
        verify: Callable[[], object] = lambda: None,
    ) -> None:
        """`verify` is called once, before the first input is sent; the EmbeddingError that it raises ends the work."""
        self._engine = engine
        self._verify: Callable[[], object] | None = verify
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
        if len(novels) > 1 and not isinstance(error, ENDS_ALL):
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
            if in_a_row == FAILURES_THAT_END or isinstance(error, ENDS_ALL):
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
                    missing = self._verified(claims.missing())
                    outcomes: Any = self._embed(self._row, self._shares.watch(missing), claims.ensure)
                    with closing(outcomes):
                        for outcome in outcomes:
                            yield self._shares.arrival(outcome)
                    if not claims.wait_for_others():
                        return None
        except EmbeddingError as error:
            return error

    def _verified(self, missing: Iterable[MissingInput]) -> Iterator[MissingInput]:
        """The same inputs; the model is looked at before the first is sent, and not at all when there is none."""
        rows = iter(missing)
        first = next(rows, None)
        if first is None:
            return iter(())
        if self._verify is not None:
            self._verify()
            self._verify = None
        return chain([first], rows)

    def _incomplete(self, novels: Sequence[str]) -> list[str]:
        covered = retry_while_down(partial(coverage, self._engine, self._row, novels))
        return [each.novel for each in covered.novels if each.to_send]


class _Shares:
    """Shares a batch out between novels, by the tokens that their inputs were estimated at."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, tuple[str, int]] = {}

    def watch(self, missing: Iterable[MissingInput]) -> Iterator[MissingInput]:
        """The same inputs, remembered until they come back."""
        for row in missing:
            self._waiting[row.content_hash] = (row.novel, max(1, row.token_count))
            yield row

    def arrival(self, outcome: StreamResult) -> VectorBatch | RefusedContent | UnansweredContent:
        """The outcome of some of these inputs, with what it cost each novel."""
        if isinstance(outcome, RefusedInput):
            novel, _ = self._waiting.pop(outcome.content_hash)
            cost = Cost(refused=1, tokens=outcome.tokens, requests=outcome.requests)
            return RefusedContent(outcome.content_hash, outcome.reason, {novel: cost})
        if isinstance(outcome, UnansweredRequest):
            return UnansweredContent(outcome.hashes, outcome.inputs, self._uncertain_costs(outcome))
        rows = [self._waiting.pop(value) for value in outcome.hashes]
        shares = shared_out(rows, outcome.tokens, outcome.requests)
        costs = {novel: Cost(embedded=n, tokens=tokens, requests=made) for novel, n, tokens, made in shares}
        return VectorBatch(outcome.hashes, outcome.embeddings, costs)

    def _uncertain_costs(self, request: UnansweredRequest) -> dict[str, Cost]:
        # A harmless sentence is sent for the sake of what waits.
        rows = [self._waiting[value] for value in request.hashes] or [next(iter(self._waiting.values()))]
        return {
            novel: Cost(uncertain_inputs=n, uncertain_tokens=tokens, uncertain_requests=made)
            for novel, n, tokens, made in shared_out(rows, request.tokens, request.requests)
        }


def shared_out(rows: Sequence[tuple[str, int]], tokens: int, requests: int) -> Iterator[tuple[str, int, int, int]]:
    """Each novel of (novel, weight) rows, with its inputs, and its part of the tokens and requests."""
    inputs = Counter(novel for novel, _ in rows)
    weights: Counter[str] = Counter()
    for novel, weight in rows:
        weights[novel] += weight
    weight_left = weights.total()
    for novel, weight in weights.items():
        share = round(tokens * weight / weight_left)
        yield novel, inputs[novel], share, requests
        # Requests are not shared out: they count for the first novel of the batch.
        tokens, weight_left, requests = tokens - share, weight_left - weight, 0


def window_input(rows: Sequence["MissingInput"]) -> "EmbeddingInput":
    """The passages of one window, which are embedded together."""
    from morpheus_assets.embedding.packs import EmbeddingInput

    return EmbeddingInput(
        rows[0].unit,
        tuple(row.content for row in rows),
        tries=max(row.tries for row in rows),
        together=max(row.together for row in rows),
        members=tuple(row.content_hash for row in rows),
    )


def panel_input(reader: "PageReader", row: "MissingInput") -> "EmbeddingInput":
    """A region, or a whole file, that is read and decoded when it is sent; refused when its page is not the one listed.

    A whole file is decoded whole, unless who takes it says how little is enough.
    """

    from morpheus_assets.embedding.errors import InputRefused
    from morpheus_assets.embedding.packs import EmbeddingInput

    def decode(least: "LeastSize | None" = None) -> object:
        from morpheus_assets.images.books.values import UnreadableBook
        from morpheus_assets.images.decoding import decode_panel
        from morpheus_assets.services.page_reading import PageChanged

        try:
            if row.page_hash is not None and row.page_hash != row.content_hash and row.box is not None:
                left, top, right, bottom = row.box
                box = (left, top, right, bottom)
                return reader.region(row.content, row.entry, row.page_hash, box, row.following or ())
            data = reader.data(row.content, row.entry)
        except (PageChanged, UnreadableBook) as error:
            raise InputRefused(str(error)) from error
        if data is None:
            raise FileNotFoundError(f"{reader.source.display_name(row.content)} is gone, or larger than before.")
        if hashlib.sha256(data).digest() != row.content_hash:
            raise InputRefused(f"{row.content} changed since it was listed; its next run takes it as it is now.")
        return decode_panel(data, row.content, max_pixels=reader.max_pixels, least=least).image

    return EmbeddingInput(row.content_hash, decode, tries=row.tries, together=row.together)
