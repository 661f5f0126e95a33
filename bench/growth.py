"""How ingest, index, search and memory grow with the corpus; the figures of deploy/planning.md.

    python -m bench.growth --chunks 1000,10000,100000 --dimensions 3072

Novels of 1,000 passages, one run of `ingest_novels` each, against an embedded Postgres of its own and an endpoint in
another process, both on this machine. Writes bench/results/growth.json and growth.md; `python -m bench.growth_report`
writes growth.md anew from the JSON, `python -m bench.growth_plan` reckons larger corpora from it.
"""

import argparse
import logging
import os
import time
from pathlib import Path
from typing import Any

import dagster as dg

from bench.growth_corpus import CHAPTERS, CHUNKS_PER_NOVEL, VectorModel, novel_name, novel_text, novels_between
from bench.growth_costs import WINDOW
from bench.growth_deployment import Place, place
from bench.growth_report import write_report
from bench.growth_search import ask_about, search_all
from morpheus_assets.definitions import build_definitions
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store import content, indexes, spaces, vectors
from morpheus_assets.store.database import open_engine
from morpheus_assets.store.space_rows import SpaceRow

WARM_UP = 99_999


class Growth:
    """One corpus that grows, and everything that is measured on its way."""

    def __init__(self, here: Place, instance: dg.DagsterInstance) -> None:
        self.here, self.meters, self.instance = here, here.meters, instance
        self.engine = open_engine(here.url)
        self.job = build_definitions(here.settings).resolve_job_def("ingest_novels")
        self.novels: list[dict[str, Any]] = []

    def space(self) -> SpaceRow:
        [row] = spaces.list_spaces(self.engine, "text")
        return row

    def ingest(self, number: int, chapters: tuple[int, ...] = CHAPTERS) -> dict[str, Any]:
        name = novel_name(number)
        file = self.here.settings.novels_folder / f"{name}.txt"
        file.write_text(novel_text(number, chapters), encoding="utf-8")
        self.instance.add_dynamic_partitions("novels", [name])
        wal = self._one("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        self.meters.take()
        with self.meters.measured() as taken:
            result = self.job.execute_in_process(instance=self.instance, partition_key=name)
        steps = {
            event.step_key: event.step_success_data.duration_ms / 1000
            for event in result.all_events
            if event.is_step_success
        }
        logs = self.instance.all_logs(result.run_id)
        return {
            **taken,
            "parts": self.meters.take(),
            "steps": steps,
            "wal_bytes": int(self._one("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn") - wal),
            "events": len(logs),
            "event_bytes": sum(len(entry.to_json()) for entry in logs),
        }

    def grow(self, size: int) -> None:
        for number in novels_between(len(self.novels) * CHUNKS_PER_NOVEL, size):
            self.novels.append(self.ingest(number))
            cost = self.novels[-1]
            print(f"{len(self.novels):>5} novels {cost['wall']:6.2f} s", flush=True)

    def bytes_a_chunk(self, size: int, table: str) -> dict[str, float]:
        """What each relation holds on disk, as bytes a chunk."""
        parts = {
            "vectors": f"pg_table_size('{table}')",
            "vectors_key": f"pg_relation_size('{table}_pkey')",
            "vectors_index": f"coalesce(pg_relation_size(to_regclass('{table}_nearest')), 0)",
            "chunk_rows": "pg_table_size('chunks')",
            "chunk_keys": "pg_indexes_size('chunks') - pg_relation_size('chunks_tsv')",
            "chunk_words": "pg_relation_size('chunks_tsv')",
            "novels": "pg_total_relation_size('novels') + pg_total_relation_size('chapters')",
        }
        return {name: float(self._one("SELECT " + sql)) / size for name, sql in parts.items()}

    def measure(self, size: int, model: VectorModel, count: int) -> dict[str, Any]:
        row = self.space()
        names = [novel_name(number) for number in range(size // CHUNKS_PER_NOVEL)]
        found: dict[str, Any] = {"ingest_peak": self.meters.take_peaks()}
        found["bytes"] = self.bytes_a_chunk(size, row.table)
        asked = ask_about(self.engine, row, names, model, count)
        search_all(self.engine, self.meters, asked, mode="hybrid")
        self.meters.take_peaks()
        found["vector"] = search_all(self.engine, self.meters, asked, mode="vector", rounds=2)
        found["hybrid"] = search_all(self.engine, self.meters, asked, mode="hybrid", rounds=2)
        found["search_peak"] = self.meters.take_peaks()
        if row.index_kind:
            with self.meters.measured() as taken:
                report = indexes.ensure_index(self.engine, row, rebuild=True)
            size_of = self.bytes_a_chunk(size, row.table)["vectors_index"]
            rebuilt = search_all(
                self.engine, self.meters, {s: q for s, q in asked.items() if s.name == "corpus"}, mode="vector"
            )
            found["build"] = {
                **taken, "kind": report.kind, "peak": self.meters.take_peaks(), "bytes": size_of, **rebuilt["corpus"],
            }  # fmt: skip
        self.engine.dispose()
        self.here.restart_cold()
        few = {scope: each[:20] for scope, each in asked.items()}
        found["cold"] = search_all(self.engine, self.meters, few, mode="vector")
        return found

    def _one(self, query: str) -> Any:
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(query).scalar()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", default="1000,10000,100000")
    parser.add_argument("--dimensions", type=int, default=3072)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--out", type=Path, default=PROJECT_FOLDER / "bench" / "results")
    arguments = parser.parse_args()
    sizes = sorted(int(each) for each in arguments.chunks.split(","))
    logging.disable(logging.WARNING)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    started, load = time.perf_counter(), os.getloadavg()[0]
    with place(arguments.dimensions) as here, here.meters.peaks(), dg.DagsterInstance.ephemeral() as instance:
        here.meters.wrap(vectors, "write_batch")
        here.meters.wrap(indexes, "_build")
        growth = Growth(here, instance)
        # What is imported and planned only once belongs to no size.
        growth.ingest(WARM_UP, chapters=(3,))
        content.remove_novel(growth.engine, novel_name(WARM_UP))
        vectors.delete_orphans(growth.engine, growth.space(), dry_run=False)
        model = VectorModel(arguments.dimensions)
        results = []
        for size in sizes:
            growth.grow(size)
            results.append({"chunks": size, **growth.measure(size, model, arguments.questions)})
        growth.grow(max(sizes[-1], WINDOW * CHUNKS_PER_NOVEL))
    found = {
        "dimensions": arguments.dimensions,
        "cores": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "seconds": time.perf_counter() - started,
        "sizes": results,
        "novels": growth.novels,
    }
    write_report(found, arguments.out)


if __name__ == "__main__":
    main()
