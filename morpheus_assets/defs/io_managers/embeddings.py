"""IO managers of vectors: ask what is missing, store batches as they arrive, say what each novel cost. No SQL here."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg
import numpy as np
from sqlalchemy import Engine

from morpheus_assets.defs.assets.partitioned import StoredPartitions
from morpheus_assets.defs.assets.values import EmbeddingStream
from morpheus_assets.defs.io_managers.base import Metadata, as_failure, list_failures, sentence
from morpheus_assets.defs.io_managers.events import NovelEvents
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.models import price_of
from morpheus_assets.services.configured_spaces import kept_spaces
from morpheus_assets.services.embed_novels import SpaceFiller, Tally, covered_novels
from morpheus_assets.store.content.chunks import iter_chunks
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.content.panels import load_panels
from morpheus_assets.store.database.outages import interruption_behind, retry_while_down
from morpheus_assets.store.database.statistics import refresh_statistics
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.coverage import NovelCoverage
from morpheus_assets.store.spaces.indexes import ensure_index


@dataclass(frozen=True)
class NovelEmbeddings:
    """The vectors of one novel: `embeddings` float32 [n, dimensions], row i belongs to `hashes[i]`."""

    hashes: list[bytes]
    embeddings: np.ndarray


class EmbeddingsIOManager(dg.IOManager):
    """Stores the vectors of a space while they arrive, for one novel or many in one stream of requests.

    When a run of many novels fails for some of them, the others are recorded as materialized before the step fails.
    """

    def __init__(self, database: DatabaseResource) -> None:
        self.database = database

    @property
    def engine(self) -> Engine:
        """The engine of the content database."""
        return self.database.engine

    def handle_output(self, context: dg.OutputContext, obj: EmbeddingStream) -> Iterator[Any]:  # type: ignore[override]
        """Embed what is missing, store it batch by batch, then report on every novel."""
        try:
            yield from self._embed_and_report(context, obj)
        except dg.Failure:
            raise
        except Exception as error:
            interruption = interruption_behind(error)
            if interruption:
                raise interruption from error
            raise as_failure(error) from error

    def _embed_and_report(self, context: dg.OutputContext, obj: EmbeddingStream) -> Iterator[Any]:
        failures = {**self.why_without_input(obj.novels), **obj.excluded}
        novels = [novel for novel in obj.novels if novel not in failures]
        if obj.leads:
            # First, so that a fault of the new space never keeps what has just arrived from being found.
            self._complete_kept_spaces(context, obj, novels)
        started = time.perf_counter()
        row = retry_while_down(partial(spaces.register_space, self.engine, obj.space))
        tally = Tally()
        events = NovelEvents(context)
        written: list[Any] = []

        def record_whole_novels() -> None:
            if events.due:
                left = [novel for novel in novels if novel not in events]
                for covered in covered_novels(self.engine, row, left).values():
                    if not covered.missing:
                        events.add(covered.novel, _report(covered, obj.space, tally, time.perf_counter() - started))
                written.extend(events.write())

        faults = self._filler(context, obj, record_whole_novels).fill(row, novels, tally)
        yield from written
        if obj.leads and tally.embedded.total():
            retry_while_down(partial(spaces.activate_first, self.engine, row.key))
        row = retry_while_down(partial(spaces.get_space, self.engine, row.key))
        retry_while_down(partial(refresh_statistics, self.engine, row))
        if row.state != "building":
            # A space that is being filled gets its index once, when it is whole: rows go in faster without one.
            retry_while_down(partial(ensure_index, self.engine, row))
        for novel, covered in covered_novels(self.engine, row, novels).items():
            if covered.missing:
                fault = faults.get(novel)
                failures[novel] = sentence(fault) if fault else f"{covered.missing} inputs still lack a vector."
            elif novel not in events:
                events.add(novel, _report(covered, obj.space, tally, time.perf_counter() - started))
        yield from events.write()
        if failures:
            text = list_failures(failures) if len(obj.novels) > 1 else failures[obj.novels[0]]
            cause = next(iter(faults.values()), None)
            raise dg.Failure(description=text, metadata=dict(failures), allow_retries=False) from cause

    def load_input(self, context: dg.InputContext) -> NovelEmbeddings | StoredPartitions[NovelEmbeddings]:
        """The vectors of one novel, or a mapping that reads novels when they are asked for."""
        key = context.asset_key.path[-1]
        row = spaces.get_space(self.engine, key)
        novels = context.asset_partition_keys
        if len(novels) == 1:
            return self._load(row, novels[0])
        return StoredPartitions(novels, lambda novel: self._load(row, novel))

    def hashes_of(self, novel: str) -> list[bytes]:
        """The distinct content hashes of a novel, in reading order."""
        raise NotImplementedError

    def why_without_input(self, novels: Sequence[str]) -> dict[str, str]:
        """For each novel that has nothing to embed the sentence that says so."""
        raise NotImplementedError

    def _filler(self, context: dg.OutputContext, obj: EmbeddingStream, stored: Callable[[], None]) -> SpaceFiller:
        return SpaceFiller(self.engine, obj.embed, run_id=context.run_id, log=context.log, stored=stored)

    def _complete_kept_spaces(self, context: dg.OutputContext, obj: EmbeddingStream, novels: Sequence[str]) -> None:
        for row in kept_spaces(self.engine, self.database.settings, obj.space.purpose):
            tally = Tally()
            faults = self._filler(context, obj, lambda: None).fill(row, novels, tally)
            if tally.embedded.total():
                context.log.info("%s still answers searches: %s embedded in it too", row.key, tally.embedded.total())
            for novel, fault in faults.items():
                context.log.warning("%s still answers searches but lacks %s: %s", row.key, novel, sentence(fault))

    def _load(self, row: SpaceRow, novel: str) -> NovelEmbeddings:
        hashes = self.hashes_of(novel)
        found = vectors.read_vectors(self.engine, row, hashes)
        present = [value for value in hashes if value in found]
        stacked = (
            np.stack([found[value] for value in present]) if present else np.zeros((0, row.dimensions), np.float32)
        )
        return NovelEmbeddings(present, stacked)


def _report(covered: NovelCoverage, space: Space, tally: Tally, seconds: float) -> Metadata:
    novel = covered.novel
    price = price_of(space, tally.tokens[novel])
    return {
        "dagster/row_count": covered.present,
        "embedded": tally.embedded[novel],
        "reused": covered.present - tally.embedded[novel],
        "refused": covered.refused,
        "tokens": tally.tokens[novel],
        "requests": tally.requests[novel],
        "price_dollars": float(price) if price is not None else "unknown",
        "seconds": round(seconds, 3),
    }


class TextEmbeddingsIOManager(EmbeddingsIOManager):
    """Vectors of chunks."""

    def hashes_of(self, novel: str) -> list[bytes]:
        """The hashes of a novel's chunks, each once."""
        return list(dict.fromkeys(chunk.content_hash for chunk in iter_chunks(self.engine, novel)))

    def why_without_input(self, novels: Sequence[str]) -> dict[str, str]:
        """Novels without chunks: refused, or never cut. What was stored before a refusal is still embedded."""
        rows = {row.novel: row for row in list_novels(self.engine, novels)}
        reasons = {}
        for novel in novels:
            row = rows.get(novel)
            if row is None or not row.chunks:
                refusal = row.refused_reason if row else None
                reasons[novel] = refusal or f"{novel} has no chunks; materialize `chunks` for it first."
        return reasons


class ImageEmbeddingsIOManager(EmbeddingsIOManager):
    """Vectors of panels."""

    def hashes_of(self, novel: str) -> list[bytes]:
        """The hashes of a novel's stored panels, each once."""
        panels = load_panels(self.engine, novel, state="stored")
        return list(dict.fromkeys(panel.content_hash for panel in panels if panel.content_hash))

    def why_without_input(self, novels: Sequence[str]) -> dict[str, str]:
        """Novels whose panels were never listed."""
        known = {row.novel for row in list_novels(self.engine, novels) if row.panels or row.refused_panels}
        return {
            novel: f"{novel} has no panels; materialize `panel_images` for it first."
            for novel in novels
            if novel not in known
        }
