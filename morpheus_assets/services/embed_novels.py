"""Filling a space within a run: streams of requests, batches stored as they come, faults of novels, spending.

What Dagster is told about it is embedding_io_managers.py's.
"""

import hashlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import BillingError, ConfigurationError, EmbeddingError
from morpheus_assets.embedding.models import price_of
from morpheus_assets.embedding.packs import EmbeddedBatch, RefusedInput
from morpheus_assets.store.accounts.spending import record_spending
from morpheus_assets.store.database.outages import passes_by_itself, ping, retry_while_down
from morpheus_assets.store.spaces import vectors
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import MissingInput, NovelCoverage, coverage
from morpheus_assets.store.spaces.refusals import record_refusals

if TYPE_CHECKING:
    from morpheus_assets.embedding.packs import EmbeddingInput
    from morpheus_assets.images.scaled_decoding import LeastSize


PROGRESS_SECONDS = 15.0
# No other novel would fare better: a setting is wrong, or the account is empty.
FOR_A_PERSON = (ConfigurationError, BillingError)
# So many novels in a row that fail by themselves: it is not the novels, the provider is down.
FAILURES_THAT_END = 3
RESTARTS_SURVIVED = 3


Embed = Callable[[Space, Iterable[MissingInput]], Iterator[EmbeddedBatch | RefusedInput]]
"""Turns what is missing into vectors of a space, a batch at a time, in the order in which they arrive."""


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


class SpaceFiller:
    """Embeds what novels lack in a space, for one step of one run; `stored` is called after each batch."""

    def __init__(
        self, engine: Engine, embed: Embed, *, run_id: str, log: logging.Logger, stored: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._embed = embed
        self._run_id = run_id
        self._log = log
        self._stored = stored

    def fill(self, row: SpaceRow, novels: Sequence[str], tally: Tally) -> dict[str, EmbeddingError]:
        """Embed what `novels` lack in one stream; when it breaks, novel by novel, so that one takes no other with it.

        Gives the error of each novel that did not get through; what was spent is recorded however it ends.
        """
        with self._spending(row, novels, tally):
            error = self._stream(row, novels, tally)
            if error is None:
                return {}
            left = [novel for novel, covered in covered_novels(self._engine, row, novels).items() if covered.missing]
            faults = dict.fromkeys(left, error)
            if len(novels) == 1 or isinstance(error, FOR_A_PERSON):
                return faults
            # In another order each time: a few faulty novels in a row must not stand before the others every night.
            random.shuffle(left)
            in_a_row = 0
            for novel in left:
                error = self._stream(row, [novel], tally)
                in_a_row = in_a_row + 1 if error else 0
                if error is None:
                    del faults[novel]
                    continue
                faults[novel] = error
                if in_a_row == FAILURES_THAT_END or isinstance(error, FOR_A_PERSON):
                    break
            return faults

    def _stream(self, row: SpaceRow, novels: Sequence[str], tally: Tally) -> EmbeddingError | None:
        for _ in range(RESTARTS_SURVIVED):
            try:
                return self._pass(row, novels, tally)
            except Exception as error:
                if not passes_by_itself(error):
                    raise
                self._log.warning("The database went away; the work goes on as soon as it is back.")
                retry_while_down(partial(ping, self._engine))
        return self._pass(row, novels, tally)

    def _pass(self, row: SpaceRow, novels: Sequence[str], tally: Tally) -> EmbeddingError | None:
        said = time.monotonic()
        try:
            with open_claims(self._engine, row, novels) as claims:
                while True:
                    outcomes: Any = self._embed(row, tally.watch(claims.missing()))
                    with closing(outcomes):
                        for outcome in outcomes:
                            # Paid for: kept in hand until a database that restarts takes it.
                            retry_while_down(partial(self._keep, row, outcome))
                            tally.add(outcome)
                            self._stored()
                            if time.monotonic() - said > PROGRESS_SECONDS:
                                said = time.monotonic()
                                self._log.info(
                                    "%s embedded so far, %s tokens", tally.embedded.total(), tally.tokens.total()
                                )
                    if not claims.wait_for_others():
                        return None
        except EmbeddingError as error:
            return error

    def _keep(self, row: SpaceRow, outcome: EmbeddedBatch | RefusedInput) -> None:
        if isinstance(outcome, RefusedInput):
            record_refusals(self._engine, row, [(outcome.content_hash, outcome.reason)])
        else:
            vectors.write_batch(self._engine, row, outcome.hashes, outcome.embeddings)

    @contextmanager
    def _spending(self, row: SpaceRow, novels: Sequence[str], tally: Tally) -> Iterator[None]:
        try:
            yield
        finally:
            for novel in novels:
                if tally.requests[novel] or tally.embedded[novel]:
                    retry_while_down(partial(self._record, row, novel, tally))

    def _record(self, row: SpaceRow, novel: str, tally: Tally) -> None:
        record_spending(
            self._engine,
            row,
            novel,
            tokens=tally.tokens[novel],
            inputs=tally.embedded[novel],
            requests=tally.requests[novel],
            cost=price_of(row, tally.tokens[novel]),
            run_id=self._run_id,
        )


def covered_novels(engine: Engine, row: SpaceRow, novels: Sequence[str]) -> dict[str, NovelCoverage]:
    """The coverage of some novels in a space, by novel."""
    return {covered.novel: covered for covered in retry_while_down(partial(coverage, engine, row, novels)).novels}


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
