"""Filling a space within a run: streams of requests, batches stored as they come, faults of novels, spending.

What Dagster is told about it is embedding_io_managers.py's.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.assets.embeddings import EmbeddingStream
from morpheus_assets.connected_providers import space_of
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import BillingError, ConfigurationError, EmbeddingError
from morpheus_assets.embedding.models import price_of
from morpheus_assets.embedding.packs import EmbeddedBatch, RefusedInput
from morpheus_assets.embedding_tally import Tally
from morpheus_assets.store import vectors
from morpheus_assets.store.coverage import NovelCoverage, coverage
from morpheus_assets.store.embedding_sessions import embedding_lock
from morpheus_assets.store.faults import passes_by_itself, patiently, ping
from morpheus_assets.store.refusals import record_refusals
from morpheus_assets.store.space_rows import SpaceRow
from morpheus_assets.store.spending import record_spending

PROGRESS_SECONDS = 15.0
# No other novel would fare better: a setting is wrong, or the account is empty.
FOR_A_PERSON = (ConfigurationError, BillingError)
# So many novels in a row that fail by themselves: it is not the novels, the provider is down.
FAILURES_THAT_END = 3
RESTARTS_SURVIVED = 3


class SpaceFiller:
    """Embeds what novels lack in a space, for one step of one run; `stored` is called after each batch."""

    def __init__(
        self, engine: Engine, work: EmbeddingStream, context: dg.OutputContext, stored: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._work = work
        self._context = context
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
                self._context.log.warning("The database went away; the work goes on as soon as it is back.")
                patiently(partial(ping, self._engine))
        return self._pass(row, novels, tally)

    def _pass(self, row: SpaceRow, novels: Sequence[str], tally: Tally) -> EmbeddingError | None:
        said = time.monotonic()
        space = space_of(row)
        try:
            with embedding_lock(self._engine, row, novels) as session:
                while True:
                    outcomes: Any = self._work.embed(space, tally.watch(session.missing()))
                    with closing(outcomes):
                        for outcome in outcomes:
                            # Paid for: kept in hand until a database that restarts takes it.
                            patiently(partial(self._keep, row, outcome))
                            tally.add(outcome)
                            self._stored()
                            if time.monotonic() - said > PROGRESS_SECONDS:
                                said = time.monotonic()
                                self._context.log.info(
                                    "%s embedded so far, %s tokens", tally.embedded.total(), tally.tokens.total()
                                )
                    if not session.wait_for_others():
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
            space = space_of(row)
            for novel in novels:
                if tally.requests[novel] or tally.embedded[novel]:
                    patiently(partial(self._record, row, space, novel, tally))

    def _record(self, row: SpaceRow, space: Space, novel: str, tally: Tally) -> None:
        record_spending(
            self._engine,
            row,
            novel,
            tokens=tally.tokens[novel],
            inputs=tally.embedded[novel],
            requests=tally.requests[novel],
            cost=price_of(space, tally.tokens[novel]),
            run_id=self._context.run_id,
        )


def covered_novels(engine: Engine, row: SpaceRow, novels: Sequence[str]) -> dict[str, NovelCoverage]:
    """The coverage of some novels in a space, by novel."""
    return {covered.novel: covered for covered in patiently(partial(coverage, engine, row, novels)).novels}
