"""What a larger corpus takes, by the formulas of deploy/planning.md, from the figures that bench/growth.py measured.

    python -m bench.growth_plan --chunks 10000000,1000000000 --tokens-per-minute 10000000 [--page deploy/planning.md]

Per chunk: bytes on disk and CPU times are those of the largest corpus measured; what grows with the logarithm says so.
"""

import argparse
import json
import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from bench.growth_corpus import CHUNKS_PER_NOVEL
from bench.growth_costs import WINDOW, costs, writing
from bench.growth_report import RESULTS, tables
from morpheus_assets.embedding.models import find_model

GB = 10**9
# pgvector while it builds with 8 neighbours: 16 MB held the graph of 19,827 rows of 3072 signs.
GRAPH_BYTES = 850
# Measured on real novels (Pride and Prejudice, War and Peace): word pieces a passage, passages a novel of 700 kB.
TOKENS, NOVEL = 195, 800


@dataclass(frozen=True)
class Measured:
    """Figures a chunk, of the largest corpus in growth.json and of a graph over its signs."""

    chunks: int
    disk_bytes: float
    index_bytes: float
    words_bytes: float
    wal_bytes: float
    run_ms: float
    postgres_ms: float
    live_ms: float
    build_ms: float
    search_ms: float
    event_bytes: float

    @classmethod
    def read(cls, file: Path) -> "Measured":
        found = json.loads(file.read_text(encoding="utf-8"))
        size = found["sizes"][-1]
        spent = costs(found["novels"], size["chunks"])
        graph = size["indexes"]["hnsw-binary"]
        plain = 1000 * statistics.median(map(writing, found["novels"][:WINDOW])) / CHUNKS_PER_NOVEL
        live = 1000 * writing(graph["novel"]) / CHUNKS_PER_NOVEL - plain
        return cls(
            size["chunks"], sum(size["bytes"].values()) - size["bytes"]["vectors_index"] + graph["bytes"],
            graph["bytes"], size["bytes"]["chunk_words"], graph["novel"]["wal_bytes"] / CHUNKS_PER_NOVEL,
            spent["own_cpu"], spent["postgres_cpu"] - (spent["write_cpu"] - plain), live,
            1000 * graph["postgres"] / size["chunks"], graph["postgres_ms"], spent["event_bytes"],
        )  # fmt: skip

    def log_growth(self, chunks: int) -> float:
        """By how much a step through the graph is longer than in the measured one: the ratio of the logarithms."""
        return math.log(chunks) / math.log(self.chunks)


def plan(measured: Measured, chunks: int, tokens_per_minute: int) -> dict[str, str]:
    """The rows of the page's table for one size of the corpus."""
    model = find_model("openai", "text-embedding-3-large")
    price = float(model.price) if model and model.price is not None else math.nan
    tokens, novels, growth = chunks * TOKENS, chunks / NOVEL, measured.log_growth(chunks)
    build_hours = chunks * measured.build_ms * growth / 3.6e6
    return {
        "tokens to embed": _short(tokens),
        "price, text-embedding-3-large": f"${tokens * price / 1e6:,.0f}",
        f"days at {_short(tokens_per_minute)} tokens a minute": f"{tokens / tokens_per_minute / 1440:,.1f}",
        "disk, GB": f"{chunks * measured.disk_bytes / GB:,.0f}",
        "WAL while loading with a live index, GB": f"{chunks * measured.wal_bytes / GB:,.0f}",
        "memory for the indexes of vectors and words, GB": (
            f"{chunks * (measured.index_bytes + measured.words_bytes) / GB:,.1f}"
        ),
        "CPU hours of runs": f"{chunks * measured.run_ms / 3.6e6:,.1f}",
        "CPU hours of Postgres, index built afterwards": (
            f"{chunks * measured.postgres_ms / 3.6e6 + build_hours:,.1f}"
        ),
        "of that the build": f"{build_hours:,.1f}",
        "maintenance_work_mem for the build, GB": f"{chunks * GRAPH_BYTES / GB:,.1f}",
        "CPU hours of Postgres, index kept up live": (
            f"{chunks * (measured.postgres_ms + measured.live_ms * growth) / 3.6e6:,.1f}"
        ),
        "CPU ms of a corpus-wide search by vector": f"{measured.search_ms * growth:,.0f}",
        "novels of 800 chunks": f"{novels:,.0f}",
        "Dagster's events, one run a novel, GB": f"{novels * measured.event_bytes / GB:,.1f}",
    }


def _short(count: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if count >= size:
            return f"{count / size:,.4g} {letter}"
    return f"{count:,.0f}"


def as_table(plans: dict[int, dict[str, str]]) -> str:
    """Markdown, one column a size."""
    lines = ["| chunks | " + " | ".join(f"{chunks:,}" for chunks in plans) + " |", "|---|" + "---:|" * len(plans)]
    lines += [
        f"| {name} | " + " | ".join(each[name] for each in plans.values()) + " |" for name in next(iter(plans.values()))
    ]
    return "\n".join(lines)


def put(page: str, name: str, part: str) -> str:
    """The page with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    head, opening, rest = page.partition(f"<!-- {name} -->\n")
    _, closing, tail = rest.partition(f"<!-- /{name} -->")
    if not opening or not closing:
        raise SystemExit(f"The page has no place for {name!r}: it needs <!-- {name} --> and <!-- /{name} -->.")
    return f"{head}{opening}\n{part.strip()}\n\n{closing}{tail}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", default="10000000,1000000000")
    parser.add_argument("--tokens-per-minute", type=int, default=10_000_000)
    parser.add_argument("--measured", type=Path, default=RESULTS / "growth.json")
    parser.add_argument("--page", type=Path, help="put the tables of what was measured and of the plan into this file")
    arguments = parser.parse_args()
    measured = Measured.read(arguments.measured)
    sizes = [int(each) for each in arguments.chunks.split(",")]
    reckoned = as_table({chunks: plan(measured, chunks, arguments.tokens_per_minute) for chunks in sizes})
    print(reckoned)
    if arguments.page:
        shown = tables(json.loads(arguments.measured.read_text(encoding="utf-8")))
        text = arguments.page.read_text(encoding="utf-8")
        arguments.page.write_text(put(put(text, "measured", shown), "plan", reckoned), encoding="utf-8")


if __name__ == "__main__":
    main()
