"""The figures of bench/growth.py as JSON, and as the tables that deploy/planning.md shows.

    python -m bench.growth_report [growth.json]

writes growth.md anew beside the JSON.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.growth_costs import costs, live_index, writing
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
        *(
            table("found by vector and words: first / among five", sizes, [
                (f"by {kind} of a passage", _found(kind)) for kind in size["judged"]
            ])
            for size in sizes[:1] if "judged" in size
        ),
        table("after a restart with nothing cached, by vector", sizes, [
            ("the very first search, ms", lambda s: f"{s['cold']['corpus']['first_ms']:.0f}"),
            *((f"first 20 in {scope}: p50 / p95 ms", _latency("cold", scope)) for scope in sizes[0]["cold"]),
        ]),
        table("disk, bytes a chunk", sizes, [
            (name.replace("_", " "), lambda s, n=name: f"{s['bytes'][n]:,.0f}") for name in sizes[0]["bytes"]
        ]),
        table("index of signs: in lists \\| in a graph", sizes, [
            ("build: seconds", _indexes(lambda i: f"{i['wall']:.1f}")),
            ("build: CPU ms a chunk", _indexes(lambda i: f"{i['build_ms']:.2f}")),
            ("build: Postgres, MB at its peak (its largest backend)", _indexes(lambda i: _memory(i["memory"]))),
            ("bytes a chunk", _indexes(lambda i: f"{i['bytes']:.0f}")),
            ("recall@10, corpus", _indexes(lambda i: f"{i['recall']:.3f}")),
            ("found by vector and words: mean reciprocal rank", _indexes(_reciprocal_ranks)),
            ("search: p95 ms (Postgres CPU ms)", _indexes(lambda i: f"{i['p95_ms']:.0f} ({i['postgres_ms']:.0f})")),
            ("a further novel: CPU ms to write a vector", _indexes(lambda i: f"{writing(i['novel']):.2f}")),
            ("a further novel: WAL kB a chunk", _indexes(lambda i: f"{i['novel']['wal_bytes'] / 1.024e6:.1f}")),
        ]),
        table("memory at its peak, MB", sizes, [
            ("a run over one novel: its process", lambda s: f"{s['ingest_memory']['own'] / MB:.0f}"),
            ("meanwhile Postgres, all of it (its largest backend)", lambda s: _memory(s["ingest_memory"])),
            ("searches: Postgres, all of it (its largest backend)", lambda s: _memory(s["search_memory"])),
        ]),
    ])  # fmt: skip


def table(title: str, sizes: Sequence[Size], rows: Sequence[tuple[str, Callable[[Size], str]]]) -> str:
    lines = ["| " + " | ".join([title, *(f"{size['chunks']:,}" for size in sizes)]) + " |"]
    lines.append("|---|" + "---:|" * len(sizes))
    lines += ["| " + " | ".join([name, *(show(size) for size in sizes)]) + " |" for name, show in rows]
    return "\n".join(lines) + "\n"


def _memory(peak: dict[str, float]) -> str:
    return f"{peak['all'] / MB:.0f} ({peak['largest'] / MB:.0f})"


def _latency(mode: str, scope: str) -> Callable[[Size], str]:
    def show(size: Size) -> str:
        found = size[mode][scope]
        cpu = f" ({found['postgres_ms']:.0f})" if "postgres_ms" in found else ""
        return f"{found['p50_ms']:.0f} / {found['p95_ms']:.0f}{cpu}"

    return show


def _recall(scope: str) -> Callable[[Size], str]:
    return lambda size: f"{size['vector'][scope]['recall']:.3f}"


def _found(kind: str) -> Callable[[Size], str]:
    return lambda size: f"{size['judged'][kind]['first']:.3f} / {size['judged'][kind]['five']:.3f}"


def _reciprocal_ranks(index: dict[str, Any]) -> str:
    judged = index.get("judged", {}).values()
    return f"{sum(each['mrr'] for each in judged) / len(judged):.3f}" if judged else "not judged"


def _indexes(show: Callable[[dict[str, Any]], str]) -> Callable[[Size], str]:
    def both(size: Size) -> str:
        built = size.get("indexes")
        if built is None:
            return "no index"
        shown = [
            show({**built[kind], "build_ms": 1000 * built[kind]["postgres"] / size["chunks"]})
            for kind in ("ivf-binary", "hnsw-binary")
        ]
        return " \\| ".join(shown)

    return both


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS / "growth.json"
    write_report(json.loads(file.read_text(encoding="utf-8")), file.parent)


if __name__ == "__main__":
    main()
