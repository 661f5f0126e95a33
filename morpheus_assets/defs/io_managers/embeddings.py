"""IO managers of vectors: write batches as they arrive, record what was spent, report on each novel. No SQL here."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg
import numpy as np
from sqlalchemy import Engine

from morpheus_assets.defs.assets.partitioned import LazyPartitions
from morpheus_assets.defs.assets.values import NovelsEmbeddings, SpaceStream
from morpheus_assets.defs.checks.left_out import with_checks_left_out
from morpheus_assets.defs.failures import list_failures, sentence, told_in_a_sentence
from morpheus_assets.defs.io_managers.base import Metadata
from morpheus_assets.defs.io_managers.events import NovelEvents
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.embeddings import (
    Arrival,
    Cost,
    FailedNovel,
    RefusedContent,
    UnansweredContent,
    VectorBatch,
)
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import price_of
from morpheus_assets.services.wording import counted
from morpheus_assets.store.accounts.spending import record_spending, record_uncertain_spending
from morpheus_assets.store.content.chunks import iter_chunks
from morpheus_assets.store.content.panels import load_panels
from morpheus_assets.store.content.regions import load_regions
from morpheus_assets.store.database.outages import PATIENCE_SECONDS, retry_while_down
from morpheus_assets.store.database.statistics import TableSize
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.coverage import NovelCoverage, novel_coverage
from morpheus_assets.store.spaces.indexes import refresh_space
from morpheus_assets.store.spaces.refusals import record_refusals
from morpheus_assets.store.spaces.unanswered import record_unanswered

PROGRESS_SECONDS = 15.0


@dataclass(frozen=True)
class NovelEmbeddings:
    """The vectors of one novel: `embeddings` float32 [n, dimensions], row i belongs to `hashes[i]`."""

    hashes: list[bytes]
    embeddings: np.ndarray


class Tally:
    """What has been stored of one stream: its cost by novel, and the novels that did not get through."""

    def __init__(self) -> None:
        self.costs: defaultdict[str, Cost] = defaultdict(Cost)
        self.faults: dict[str, Exception] = {}

    def add(self, arrival: Arrival) -> None:
        """Count what was stored; keep the error of a novel that failed."""
        if isinstance(arrival, FailedNovel):
            self.faults[arrival.novel] = arrival.error
            return
        for novel, cost in arrival.costs.items():
            self.costs[novel] += cost

    @property
    def embedded(self) -> int:
        """Vectors stored, of all novels."""
        return sum(cost.embedded for cost in self.costs.values())

    @property
    def tokens(self) -> int:
        """Tokens charged for them."""
        return sum(cost.tokens for cost in self.costs.values())

    @property
    def uncertain_tokens(self) -> int:
        """Tokens perhaps charged, of requests without an answer in time."""
        return sum(cost.uncertain_tokens for cost in self.costs.values())


class EmbeddingsIOManager(dg.IOManager):
    """Stores the vectors of a space while they arrive, for one novel or many in one stream.

    When a run of many novels fails for some of them, the others are recorded as materialized before the step fails.
    """

    def __init__(self, database: DatabaseResource) -> None:
        self.database = database

    @property
    def engine(self) -> Engine:
        """The engine of the content database."""
        return self.database.engine

    def handle_output(self, context: dg.OutputContext, obj: NovelsEmbeddings) -> Iterator[Any]:  # type: ignore[override]
        """Store every stream batch by batch, then report on every novel of the asset's own space."""
        yield from with_checks_left_out(context.step_context, context.asset_key, self._store_streams(context, obj))

    def _store_streams(self, context: dg.OutputContext, obj: NovelsEmbeddings) -> Iterator[Any]:
        with told_in_a_sentence():
            for stream in obj.streams:
                if stream.row.key == obj.space.key:
                    yield from self._store_own(context, obj, stream)
                else:
                    self._store_kept(context, stream)

    def load_input(self, context: dg.InputContext) -> NovelEmbeddings | LazyPartitions[NovelEmbeddings]:
        """The vectors of one novel, or a mapping that reads novels when they are asked for."""
        path = list(context.asset_key.path)
        stored = (row for row in spaces.list_spaces(self.engine) if space_asset(row) == path)
        row = next(stored, None) or spaces.get_space(self.engine, path[-1])
        novels = context.asset_partition_keys
        if len(novels) == 1:
            return self._load(row, novels[0])
        return LazyPartitions(novels, lambda novel: self._load(row, novel))

    def hashes_of(self, novel: str, row: SpaceRow) -> list[bytes]:
        """The distinct content hashes of what a space sees of a novel, in reading order."""
        raise NotImplementedError

    def _store_kept(self, context: dg.OutputContext, stream: SpaceStream) -> None:
        key, tally = stream.row.key, Tally()
        self._store(context, stream, tally)
        if tally.embedded:
            context.log.info("%s still answers searches: %s embedded in it too", key, tally.embedded)
        for novel, fault in tally.faults.items():
            context.log.warning("%s still answers searches but lacks %s: %s", key, novel, sentence(fault))

    def _store_own(self, context: dg.OutputContext, obj: NovelsEmbeddings, stream: SpaceStream) -> Iterator[Any]:
        started = time.perf_counter()
        row, tally = stream.row, Tally()
        failures = dict(obj.excluded)
        novels = [novel for novel in obj.novels if novel not in failures and novel not in obj.exempt]
        events = NovelEvents(context)
        for novel, why in obj.exempt.items():
            context.log.info(why)
            events.add(novel, {"dagster/partition_row_count": 0, "not_for_this_novel": why})
        written: list[Any] = []

        def report(covered: NovelCoverage) -> None:
            seconds = time.perf_counter() - started
            events.add(covered.novel, self._metadata(covered, obj.space, tally.costs[covered.novel], seconds))

        size = TableSize(row.table)

        def table() -> Metadata:
            return {"dagster/table_name": row.table, "dagster/row_count": size.rows}

        def record_whole_novels() -> None:
            if events.due:
                left = [novel for novel in novels if novel not in events]
                for covered in self._coverage(row, left, size):
                    if not covered.missing:
                        report(covered)
                # Handed on later: a step that Dagster leaves at a yield must not have requests on their way.
                written.extend(events.write(table()))

        found = self._coverage(row, novels, size)
        if any(covered.to_send for covered in found):
            self._store(context, stream, tally, record_whole_novels)
            yield from written
            if obj.leads and tally.embedded:
                retry_while_down(partial(spaces.activate_first, self.engine, row.key))
            with ThreadPoolExecutor(1, thread_name_prefix="coverage") as beside:
                covering = beside.submit(self._coverage, row, novels, size)
                retry_while_down(partial(refresh_space, self.engine, row))
                found = covering.result()
        elif not any(covered.missing for covered in found):
            self.database.whole_spaces[context.run_id, row.key] = (row, size.rows)
        # of pictures that were all refused nothing is needed: whole, and said so
        nothing = [NovelCoverage(novel, 0, 0, 0, 0, 0) for novel in set(novels) - {each.novel for each in found}]
        for covered in [*found, *nothing]:
            if covered.to_send:
                fault = tally.faults.get(covered.novel)
                failures[covered.novel] = sentence(fault) if fault else _came_meanwhile(covered)
            elif covered.novel not in events:
                report(covered)
        yield from events.write(table())
        if failures:
            text = list_failures(failures) if len(obj.novels) > 1 else failures[obj.novels[0]]
            cause = next(iter(tally.faults.values()), None)
            metadata: dict[str, Any] = dict(failures)
            if tally.uncertain_tokens:
                metadata["uncertain_tokens"] = tally.uncertain_tokens
            raise dg.Failure(description=text, metadata=metadata, allow_retries=False) from cause

    def _store(
        self,
        context: dg.OutputContext,
        stream: SpaceStream,
        tally: Tally,
        after_each: Callable[[], None] = lambda: None,
    ) -> None:
        said = time.monotonic()
        try:
            # Closed however it ends: its requests stop, and its claims are free for others.
            with closing(stream.arrivals):
                for arrival in stream.arrivals:
                    # Paid for: kept in hand until a database that restarts takes it.
                    retry_while_down(
                        partial(self._write, stream.row, arrival, context.run_id), seconds=2 * PATIENCE_SECONDS
                    )
                    tally.add(arrival)
                    after_each()
                    if time.monotonic() - said > PROGRESS_SECONDS:
                        said = time.monotonic()
                        context.log.info("%s embedded so far, %s tokens", tally.embedded, tally.tokens)
        finally:
            for novel, cost in tally.costs.items():
                retry_while_down(partial(self._record_cost, stream.row, novel, cost, context.run_id))

    def _write(self, row: SpaceRow, arrival: Arrival, run_id: str) -> None:
        match arrival:
            case VectorBatch():
                vectors.write_batch(self.engine, row, arrival.hashes, arrival.embeddings)
            case RefusedContent():
                record_refusals(self.engine, row, [(arrival.content_hash, arrival.reason)])
            case UnansweredContent():
                # At once, and not with the rest at the end: a run that is killed has perhaps paid for it, too.
                with self.engine.begin() as connection:
                    record_unanswered(connection, row, arrival.hashes, arrival.together)
                    for novel, cost in arrival.costs.items():
                        record_uncertain_spending(
                            connection,
                            row,
                            novel,
                            tokens=cost.uncertain_tokens,
                            inputs=cost.uncertain_inputs,
                            requests=cost.uncertain_requests,
                            cost=price_of(self.database.settings, row, cost.uncertain_tokens),
                            run_id=run_id,
                        )

    def _record_cost(self, row: SpaceRow, novel: str, cost: Cost, run_id: str) -> None:
        if cost.requests or cost.embedded:
            record_spending(
                self.engine,
                row,
                novel,
                tokens=cost.tokens,
                inputs=cost.embedded,
                requests=cost.requests,
                cost=price_of(self.database.settings, row, cost.tokens),
                run_id=run_id,
            )

    def _metadata(self, covered: NovelCoverage, space: Space, cost: Cost, seconds: float) -> Metadata:
        price = price_of(self.database.settings, space, cost.tokens)
        waiting: Metadata = {"left_to_a_batch_job": covered.batched} if covered.batched else {}
        return {
            **waiting,
            "dagster/partition_row_count": covered.present,
            "embedded": cost.embedded,
            "reused": covered.present - cost.embedded,
            "refused": covered.refused,
            "tokens": cost.tokens,
            "requests": cost.requests + cost.uncertain_requests,
            "uncertain_tokens": cost.uncertain_tokens,
            "price_dollars": float(price) if price is not None else "unknown",
            "seconds": round(seconds, 3),
        }

    def _coverage(self, row: SpaceRow, novels: Sequence[str], size: TableSize | None = None) -> Sequence[NovelCoverage]:
        return retry_while_down(partial(novel_coverage, self.engine, row, novels, size=size))

    def _load(self, row: SpaceRow, novel: str) -> NovelEmbeddings:
        hashes = self.hashes_of(novel, row)
        found = vectors.passage_vectors(self.engine, row, hashes)
        present = [value for value in hashes if value in found]
        stacked = (
            np.stack([found[value] for value in present]) if present else np.zeros((0, row.dimensions), np.float32)
        )
        return NovelEmbeddings(present, stacked)


def _came_meanwhile(covered: NovelCoverage) -> str:
    """Of inputs that lack a vector although all that lacked one were embedded."""
    lacking = counted(covered.to_send, "input still lacks", "inputs still lack")
    return (
        f"{lacking} a vector and came while others were embedded, as when {covered.novel} was read anew; the run that"
        " read it goes on."
    )


class TextEmbeddingsIOManager(EmbeddingsIOManager):
    """Vectors of chunks."""

    def hashes_of(self, novel: str, row: SpaceRow) -> list[bytes]:
        """The hashes of a novel's chunks, each once."""
        return list(dict.fromkeys(chunk.content_hash for chunk in iter_chunks(self.engine, novel)))


class ImageEmbeddingsIOManager(EmbeddingsIOManager):
    """Vectors of regions of pages, or of whole files in spaces that were made before there were regions."""

    def hashes_of(self, novel: str, row: SpaceRow) -> list[bytes]:
        """The hashes of what the space sees of a novel's stored pages, each once."""
        if row.shaping > 1:
            return list(dict.fromkeys(region.content_hash for region in load_regions(self.engine, [novel])))
        panels = load_panels(self.engine, novel, state="stored")
        return list(dict.fromkeys(panel.content_hash for panel in panels if panel.content_hash))
