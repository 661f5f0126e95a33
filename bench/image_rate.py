"""Panels a second: decoding alone, the forward pass alone, and both in the product's own path into pgvector.

    .venv/bin/python -m bench.image_rate [--pages 160] [--rounds 3] [--models demo,ViT-B-32] [--precisions fp32,bf16]
        [--formats jpg,png]

A page is a scan of 1600 × 2400, half of them JPEG and half PNG, as studios deliver them (`webp` on request).
"apart": one thread for each stage, so the whole can reach the slower stage. "shared": the defaults, where both want
every core and their costs add up: 1 / (1/decode + 1/forward) is what can be reached. Stages alternate within a round,
the best round counts. CPU milliseconds a page hold on a busy machine too.
"""

import argparse
import asyncio
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import psutil
from sqlalchemy import Engine

from bench.clip_checkpoints import spaces_setting
from bench.deployment import throwaway
from bench.drawn_pages import FORMATS, SIZE, write_pages
from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.resources import DatabaseResource, ProvidersResource
from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.clip.model import ClipModel
from morpheus_assets.embedding.providers.open_clip import BATCH, OpenClipProvider
from morpheus_assets.images.page_pixels import look_at_page
from morpheus_assets.services.configured_spaces import configured_image_spaces, open_provider
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.content.regions import Region, replace_regions
from morpheus_assets.store.spaces import vectors
from morpheus_assets.store.spaces.spaces import register_space

NOVEL = "pages"
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Threads:
    """How many torch computes with and how many decode."""

    torch: int
    decoders: int


@dataclass(frozen=True)
class Pace:
    """Pages a second by the clock, and CPU milliseconds of this process a page."""

    rate: float
    cpu: float

    def best(self, other: "Pace") -> "Pace":
        """The better of each."""
        return Pace(max(self.rate, other.rate), min(self.cpu, other.cpu))


def paced(work: Callable[[], object], pages: int) -> Pace:
    """Run `work` over so many pages."""
    started, spent = time.perf_counter(), time.process_time()
    work()
    return Pace(pages / (time.perf_counter() - started), (time.process_time() - spent) / pages * 1000)


APART, SHARED = Threads(1, 1), Threads(CORES, min(4, CORES))


class Warm(OpenClipProvider):
    """Stays loaded between rounds: loading is a cost of the run, not of a page."""

    async def close(self) -> None:
        """Keep everything."""


@dataclass
class Bench:
    """One space over one database and one folder of pages; `memory` is the RSS in MB at each batch that was stored."""

    settings: Settings
    space: Space
    pages: list[Path]
    memory: list[float] = field(default_factory=list)

    @contextmanager
    def warm(self, threads: Threads) -> Iterator[Warm]:
        """The product's provider, its model loaded."""
        opened = open_provider(self.settings, self.space)
        assert isinstance(opened, OpenClipProvider)
        provider = Warm(self.space, opened._source, threads=threads.torch, decoders=threads.decoders)
        asyncio.run(provider.embed(["a page"], "query"))
        try:
            yield provider
        finally:
            asyncio.run(OpenClipProvider.close(provider))

    def pixels(self, model: ClipModel, page: Path) -> Any:
        """What the product does with a page before the forward pass."""
        data = page.read_bytes()
        hashlib.sha256(data).digest()
        pixels, _ = look_at_page(data, page.name, max_pixels=self.settings.max_image_pixels)
        return model.prepare(pixels.crop((0, 0, *pixels.size)))

    def decode(self, model: ClipModel, threads: int) -> Pace:
        """Files up to the model's pixels."""
        pages = self.pages[: 24 * threads]
        with ThreadPoolExecutor(threads) as pool:
            return paced(lambda: list(pool.map(lambda page: self.pixels(model, page), pages)), len(pages))

    def decode_by_format(self, model: ClipModel) -> dict[str, float]:
        """CPU milliseconds a page of each format, with nothing beside it."""

        def decoded(pages: Sequence[Path]) -> None:
            for page in pages:
                self.pixels(model, page)

        found = {}
        for suffix in dict.fromkeys(page.suffix for page in self.pages):
            pages = [page for page in self.pages if page.suffix == suffix][:8]
            found[suffix[1:]] = paced(partial(decoded, pages), len(pages)).cpu
        return found

    def forward(self, provider: Warm, batch: list[Any]) -> Pace:
        """Pixels through the image tower, as many batches at a time as the provider forwards."""
        model, pool = provider._model, provider._forward
        assert model is not None
        assert pool is not None

        def batches() -> None:
            list(pool.map(model.embed_panels, [batch] * model.workers))

        batches()
        return paced(batches, len(batch) * model.workers)

    def whole(self, provider: Warm) -> Pace:
        """From rows of panels to rows of vectors, in a run of the asset: from its stream's start to its last batch."""
        begun, stored = [], []
        write = vectors.write_batch

        class Providers(ProvidersResource):
            def open(self, space: Space) -> Warm:
                begun.append((time.perf_counter(), time.process_time()))
                return provider

        def store(*given: Any) -> int:
            written = write(*given)
            stored.append((time.perf_counter(), time.process_time(), written))
            self.memory.append(psutil.Process().memory_info().rss / 1e6)
            return written

        self.memory.clear()
        database = DatabaseResource(self.settings)
        row = register_space(database.engine, self.space)
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {row.table}")
        definitions = build_definitions(self.settings, database=database, providers=Providers(self.settings))
        with dg.DagsterInstance.ephemeral() as instance, patch.object(vectors, "write_batch", store):
            instance.add_dynamic_partitions("panels", [NOVEL])
            definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance,
                partition_key=NOVEL,
                asset_selection=[embeddings_key(self.space)],
                run_config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
            )
        database.engine.dispose()
        count = sum(each[2] for each in stored)
        assert count == len(self.pages), (count, len(self.pages))
        seconds, spent = stored[-1][0] - begun[0][0], stored[-1][1] - begun[0][1]
        return Pace(count / seconds, spent / count * 1000)


def store_pages(engine: Engine, pages: Sequence[Path]) -> None:
    """The rows of pages, each with one region, the page itself, under a hash that no other has."""
    records = [
        PanelRecord(
            f"{NOVEL}/{page.name}", "stored", page.stat().st_size,
            content_hash=hashlib.sha256(page.read_bytes()).digest(), width=SIZE[0], height=SIZE[1],
        )
        for page in pages
    ]  # fmt: skip
    replace_panels(engine, NOVEL, records)
    for page in load_panels(engine, NOVEL):
        value = hashlib.sha256(f"region {page.path}".encode()).digest()
        replace_regions(engine, page, [Region(0, "page", 0, 0, *SIZE, 1.0, "bench", value)], cut_of="bench")


def measure(bench: Bench, threads: Threads, rounds: int) -> tuple[Pace, Pace, Pace, dict[str, float]]:
    """The best of decoding, of the forward pass, and of the whole; and what decoding costs by format."""
    with bench.warm(threads) as provider:
        model = provider._model
        assert model is not None
        by_format = bench.decode_by_format(model)
        batch = [bench.pixels(model, page) for page in bench.pages[:BATCH]]
        found = [
            (
                bench.decode(model, threads.decoders),
                bench.forward(provider, batch),
                bench.whole(provider),
            )
            for _ in range(rounds)
        ]
    decode, passes, whole = (reduce(Pace.best, stage) for stage in zip(*found, strict=True))
    return decode, passes, whole, by_format


def shown(model: str, precision: str, label: str, found: Sequence[Pace], memory: list[float]) -> str:
    """One row of the table; the last columns are the memory after each quarter of the pages."""
    decode, forward, whole = found
    possible = 1 / (1 / decode.rate + 1 / forward.rate)
    quarters = [memory[max(0, len(memory) * n // 4 - 1)] for n in (1, 2, 3, 4)]
    return (
        f"{model:<10}{precision:<6}{label:<8}{decode.rate:7.1f}{forward.rate:8.1f}{whole.rate:7.1f}"
        f"{whole.rate / min(decode.rate, forward.rate):14.2f}{whole.rate / possible:11.2f}"
        f"{decode.cpu:9.0f}{forward.cpu:8.0f}{whole.cpu:7.0f}{(decode.cpu + forward.cpu) / whole.cpu:11.2f}   "
        + " ".join(f"{each:5.0f}" for each in quarters)
    )


HEADING = (
    f"{'':<24}{'pages a second':<22}{'':>25}{'CPU ms a page':>19}{'':>16}{'RSS in MB':>14}\n"
    f"{'model':<16}{'threads':<8}{'decode':>7}{'forward':>8}{'whole':>7}{'of the slower':>14}{'of the sum':>11}"
    f"{'decode':>9}{'forward':>8}{'whole':>7}{'sum/whole':>11}   at each quarter"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", default="demo,ViT-B-32")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--formats", default="jpg,png", help=", ".join(FORMATS))
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mpb"))
    try:
        with throwaway() as settings:
            pages = write_pages(settings.panels_folder / NOVEL, given.pages, given.formats.split(","))
            database = DatabaseResource(settings)
            store_pages(database.engine, pages)
            database.engine.dispose()
            load = os.getloadavg()[0]
            print(f"{given.pages} pages ({given.formats}), {CORES} cores, load {load:.1f}\n{HEADING}", flush=True)
            for model in given.models.split(","):
                for precision in given.precisions.split(","):
                    chosen = settings.model_copy(
                        update={"image_spaces": spaces_setting(model, folder), "image_precision": precision}
                    )
                    bench = Bench(chosen, configured_image_spaces(chosen)[0], pages)
                    for label, threads in (("apart", APART), ("shared", SHARED)):
                        *found, by_format = measure(bench, threads, given.rounds)
                        print(shown(model, precision, label, found, bench.memory), flush=True)
                    costs = ", ".join(f"{suffix} {cost:.1f}" for suffix, cost in by_format.items())
                    print(f"{'':<16}decode, CPU ms a page by format, alone: {costs}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
