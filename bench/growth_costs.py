"""What a chunk cost at a size of the corpus, out of what each novel cost: pure arithmetic over growth.json."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from bench.growth_corpus import CHUNKS_PER_NOVEL

# A size's cost is the median of this many novels around it: one with a build or a checkpoint in it does not decide.
WINDOW = 3
Novel = dict[str, Any]


def work(novel: Novel) -> float:
    """CPU seconds of the run and of Postgres, index builds apart."""
    return novel["own"] + novel["postgres"] - builds(novel)


def builds(novel: Novel) -> float:
    """CPU seconds of Postgres while the run built the index."""
    return novel["parts"].get("_build.postgres", 0.0)


def writing(novel: Novel) -> float:
    """CPU seconds of Postgres while vectors were written, into the index too where there is one."""
    return novel["parts"].get("write_batch.postgres", 0.0)


def window(novels: Sequence[Novel], chunks: int) -> Sequence[Novel]:
    """The novels whose cost stands for a corpus of `chunks`: the last that made it so large."""
    last = min(len(novels), max(WINDOW, chunks // CHUNKS_PER_NOVEL))
    return novels[last - WINDOW : last]


def per_chunk(novels: Sequence[Novel], take: Callable[[Novel], float]) -> float:
    """The median over some novels, in thousandths (ms for seconds) a chunk."""
    return 1000 * statistics.median(take(novel) for novel in novels) / CHUNKS_PER_NOVEL


def costs(novels: Sequence[Novel], chunks: int) -> dict[str, Any]:
    """CPU ms, wall ms and bytes a chunk at a size; `average` and `builds` are over all chunks up to it."""
    near, far = window(novels, chunks), novels[: max(1, chunks // CHUNKS_PER_NOVEL)]
    unindexed = per_chunk(novels[:WINDOW], writing)
    return {
        "wall": per_chunk(near, lambda novel: novel["wall"]),
        "cpu": per_chunk(near, work),
        "own_cpu": per_chunk(near, lambda novel: novel["own"]),
        "postgres_cpu": per_chunk(near, lambda novel: novel["postgres"] - builds(novel)),
        "write_cpu": per_chunk(near, writing),
        "without_index_cpu": per_chunk(near, work) - max(0.0, per_chunk(near, writing) - unindexed),
        "provider_cpu": per_chunk(near, lambda novel: novel["provider"]),
        "average_cpu": 1000 * statistics.mean(map(work, far)) / CHUNKS_PER_NOVEL,
        "builds_cpu": 1000 * statistics.mean(map(builds, far)) / CHUNKS_PER_NOVEL,
        "wal_bytes": per_chunk(near, lambda novel: novel["wal_bytes"] / 1000),
        "events": near[-1]["events"],
        "event_bytes": near[-1]["event_bytes"],
    }


def live_index(novels: Sequence[Novel]) -> dict[int, float]:
    """By corpus size: CPU ms a chunk that its vector takes to be written, from where the index began to be kept up."""
    sizes = [size for size in (5, 15, 30, 60, 100) if size <= len(novels)]
    return {size * CHUNKS_PER_NOVEL: per_chunk(window(novels, size * CHUNKS_PER_NOVEL), writing) for size in sizes}
