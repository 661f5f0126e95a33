"""The figures of bench/growth.py as JSON, and as the tables that deploy/planning.md shows.

    python -m bench.growth_report [growth.json]

writes growth.md anew beside the JSON.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.growth_costs import costs, live_index
from morpheus_assets.settings import PROJECT_FOLDER

MB = 1024 * 1024
RESULTS = PROJECT_FOLDER / "bench" / "results"
Size = dict[str, Any]


def write_report(found: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "growth.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    (folder / "growth.md").write_text(tables(found), encoding="utf-8")


def tables(found: dict[str, Any]) -> str:
    """All tables in Markdown, one column a size."""
    sizes: list[Size] = [{**size, "ingest": costs(found["novels"], size["chunks"])} for size in found["sizes"]]
    first = sizes[0]["ingest"]["cpu"]
    head = (
        f"{found['dimensions']} dimensions, {found['cores']} cores, load {found['load_before']:.1f} before and"
        f" {found['load_after']:.1f} after, {found['seconds'] / 60:.0f} minutes in all.\n"
    )
    return "\n".join([
        head,
        table("ingest, CPU ms a chunk", sizes, [
            ("the run's process", lambda s: f"{s['ingest']['own_cpu']:.2f}"),
            ("Postgres", lambda s: f"{s['ingest']['postgres_cpu']:.2f}"),
            ("of that writing vectors, into a live index too", lambda s: f"{s['ingest']['write_cpu']:.2f}"),
            ("**both**", lambda s: f"**{s['ingest']['cpu']:.2f}**"),
            ("beside the first size", lambda s: f"{s['ingest']['cpu'] / first:.2f}"),
            ("**both, without what the live index adds**", lambda s: f"**{s['ingest']['without_index_cpu']:.2f}**"),
            ("beside the first size", lambda s: f"**{s['ingest']['without_index_cpu'] / first:.2f}**"),
            ("average of all chunks so far", lambda s: f"{s['ingest']['average_cpu']:.2f}"),
            ("index builds so far, a chunk", lambda s: f"{s['ingest']['builds_cpu']:.2f}"),
            ("the endpoint's own", lambda s: f"{s['ingest']['provider_cpu']:.2f}"),
            ("wall ms a chunk", lambda s: f"{s['ingest']['wall']:.1f}"),
            ("WAL kB a chunk", lambda s: f"{s['ingest']['wal_bytes'] / 1024:.1f}"),
            ("memory MB: the run, Postgres", lambda s: _memory(s["ingest_peak"])),
        ]),
        "| a vector into a live index, at chunks | CPU ms |\n|---|---:|\n"
        + "".join(f"| {size:,} | {spent:.2f} |\n" for size, spent in live_index(found["novels"]).items()),
        *(
            table(f"search by {what}: p50 / p95 ms (Postgres CPU ms)", sizes, [
                *((scope, _latency(mode, scope)) for scope in sizes[0][mode]),
                *(((f"recall@10, {scope}", _recall(scope)) for scope in sizes[0][mode]) if mode == "vector" else ()),
            ])
            for mode, what in (("vector", "vector"), ("hybrid", "vector and words"))
        ),
        table("after a restart with nothing cached, first 20 searches by vector", sizes, [
            (f"{scope}: p50 / p95 ms", _latency("cold", scope)) for scope in sizes[0]["cold"]
        ]),
        table("disk, bytes a chunk", sizes, [
            (name.replace("_", " "), lambda s, n=name: f"{s['bytes'][n]:,.0f}") for name in sizes[0]["bytes"]
        ]),
        table("index", sizes, [
            ("build: seconds", _build(lambda b: f"{b['wall']:.1f}")),
            ("build: CPU ms a chunk", lambda s: _build(lambda b: f"{1000 * b['postgres'] / s['chunks']:.2f}")(s)),
            ("build: memory MB of Postgres", _build(lambda b: f"{b['peak']['postgres'] / MB:.0f}")),
            ("bytes a chunk when just built", _build(lambda b: f"{b['bytes']:.0f}")),
            ("recall@10 when just built", _build(lambda b: f"{b['recall']:.3f}")),
        ]),
        table("memory MB while searching: the process, Postgres", sizes, [
            ("peak", lambda s: _memory(s["search_peak"])),
        ]),
    ])  # fmt: skip


def table(title: str, sizes: Sequence[Size], rows: Sequence[tuple[str, Callable[[Size], str]]]) -> str:
    lines = ["| " + " | ".join([title, *(f"{size['chunks']:,}" for size in sizes)]) + " |"]
    lines.append("|---|" + "---:|" * len(sizes))
    lines += ["| " + " | ".join([name, *(show(size) for size in sizes)]) + " |" for name, show in rows]
    return "\n".join(lines) + "\n"


def _memory(peak: dict[str, float]) -> str:
    return f"{peak['own'] / MB:.0f}, {peak['postgres'] / MB:.0f}"


def _latency(mode: str, scope: str) -> Callable[[Size], str]:
    def show(size: Size) -> str:
        found = size[mode][scope]
        cpu = f" ({found['postgres_ms']:.0f})" if "postgres_ms" in found else ""
        return f"{found['p50_ms']:.0f} / {found['p95_ms']:.0f}{cpu}"

    return show


def _recall(scope: str) -> Callable[[Size], str]:
    return lambda size: f"{size['vector'][scope]['recall']:.3f}"


def _build(show: Callable[[dict[str, Any]], str]) -> Callable[[Size], str]:
    return lambda size: show(size["build"]) if "build" in size else "no index"


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS / "growth.json"
    write_report(json.loads(file.read_text(encoding="utf-8")), file.parent)


if __name__ == "__main__":
    main()
