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
from bench.growth_search import Asked, Scope, ask_about, judge, search_all
from morpheus_assets.definitions import build_definitions
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.content.novels import remove_novel
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.spaces import indexes, spaces, vectors
from morpheus_assets.store.spaces.index_types import INDEX_TYPES

WARM_UP, ALONE = 99_999, 99_998
# The lists last: they are what the corpus grows on with.
KINDS = ("hnsw-binary", "ivf-binary")


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
        name = self.write(number, chapters)
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

    def write(self, number: int, chapters: tuple[int, ...] = CHAPTERS) -> str:
        name = novel_name(number)
        file = self.here.settings.novels_folder / f"{name}.txt"
        file.write_text(novel_text(number, chapters), encoding="utf-8")
        return name

    def remove(self, number: int) -> None:
        remove_novel(self.engine, novel_name(number))
        vectors.delete_orphans(self.engine, self.space(), dry_run=False)

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
            "chunk_rows": "pg_table_size('chunks') + pg_table_size('passages')",
            "chunk_keys": "pg_indexes_size('chunks') + pg_indexes_size('passages') - pg_relation_size('passages_tsv')",
            "chunk_words": "pg_relation_size('passages_tsv')",
            "novels": "pg_total_relation_size('novels') + pg_total_relation_size('chapters')",
        }
        return {name: float(self._one("SELECT " + sql)) / size for name, sql in parts.items()}

    def measure(self, size: int, model: VectorModel, count: int) -> dict[str, Any]:
        row = self.space()
        names = [novel_name(number) for number in range(size // CHUNKS_PER_NOVEL)]
        found: dict[str, Any] = {"bytes": self.bytes_a_chunk(size, row.table), "index": row.index_kind}
        asked = ask_about(self.engine, row, names, model, count)
        few = {scope: each[:20] for scope, each in asked.items()}
        search_all(self.engine, self.meters, asked, mode="hybrid")
        found["vector"] = search_all(self.engine, self.meters, asked, mode="vector", rounds=2)
        found["hybrid"] = search_all(self.engine, self.meters, asked, mode="hybrid", rounds=2)
        found["judged"] = judge(self.engine, self.here.settings, row)
        with self.meters.peaks() as found["search_memory"]:
            search_all(self.engine, self.meters, few, mode="hybrid", rounds=2)
        if row.index_kind:
            corpus = {scope: each for scope, each in asked.items() if scope.novels is None}
            found["indexes"] = {kind: self.built_anew(size, corpus, kind) for kind in KINDS}
        self.engine.dispose()
        self.here.restart_cold()
        found["cold"] = search_all(self.engine, self.meters, few, mode="vector")
        found["ingest_memory"] = self.run_apart(ALONE)
        for table in (row.table, "passages", "chunks", "chapters", "novels"):
            self.vacuum(table)
        return found

    def built_anew(self, size: int, asked: dict[Scope, list[Asked]], kind: str) -> dict[str, Any]:
        """An index of one kind: its build, its searches, and a novel that comes into it and goes again."""
        with self.meters.peaks() as peak, self.meters.measured() as taken:
            indexes.ensure_index(self.engine, self.space(), rebuild=True, index_type=INDEX_TYPES[kind])
        [found] = search_all(self.engine, self.meters, asked, mode="vector").values()
        judged = judge(self.engine, self.here.settings, self.space())
        size_of = self.bytes_a_chunk(size, self.space().table)["vectors_index"]
        novel = self.ingest(ALONE)
        self.remove(ALONE)
        return {**taken, "memory": peak, "bytes": size_of, "judged": judged, **found, "novel": novel}

    def vacuum(self, table: str) -> None:
        """Make the room of removed novels free, so that what comes next does not make the table longer."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM {table}")

    def run_apart(self, number: int) -> dict[str, int]:
        """The most memory of a run in a process of its own and of Postgres meanwhile; its novel is removed again."""
        self.write(number)
        with self.meters.peaks() as peak:
            own = self.here.run_alone(novel_name(number))
        self.remove(number)
        return {"own": own, **peak}

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
    with place(arguments.dimensions) as here, dg.DagsterInstance.ephemeral() as instance:
        here.meters.wrap(vectors, "write_batch")
        here.meters.wrap(indexes, "_build")
        growth = Growth(here, instance)
        # What is imported and planned only once belongs to no size.
        growth.ingest(WARM_UP, chapters=(3,))
        growth.remove(WARM_UP)
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
