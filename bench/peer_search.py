"""Searches as the HTTP API's service does them, in one process as the peers' are: by vector, as theirs, and hybrid.

On the event loop that the API runs on, which is uvicorn's choice. Also what the harness wants to know about the rows
that are searched. Loaded by peer_driver.py only.
"""

import asyncio
import random
import time
from typing import Any

import psycopg
from uvicorn.loops.auto import auto_loop_factory

from morpheus_assets.settings import Settings

SEARCHES = 200


def search(settings: Settings, text: str) -> dict[str, float]:
    """p50 and p95 in ms of 200 searches for 200 characters of `text`; raises SystemExit when one finds too little."""
    from morpheus_assets.api.metrics import Metrics
    from morpheus_assets.api.state import Services, open_services
    from morpheus_assets.services.search import SearchQuery

    async def measure(services: Services, mode: str) -> tuple[float, float]:
        chance, took = random.Random(1), []
        for _ in range(SEARCHES):
            at = chance.randrange(len(text) - 300)
            started = time.perf_counter()
            query = SearchQuery(q=text[at : at + 200], k=10, kind="text", mode=mode, sentences=False)
            found = await services.search.search(query)
            took.append((time.perf_counter() - started) * 1e3)
            if len(found.passages) != 10:
                raise SystemExit(f"{len(found.passages)} passages instead of 10")
        took.sort()
        return took[SEARCHES // 2], took[int(SEARCHES * 0.95)]

    async def both() -> dict[str, float]:
        async with open_services(settings, Metrics()) as services:
            p50, p95 = await measure(services, "vector")
            hybrid_p50, hybrid_p95 = await measure(services, "hybrid")
        return {"p50_ms": p50, "p95_ms": p95, "hybrid_p50_ms": hybrid_p50, "hybrid_p95_ms": hybrid_p95}

    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(both())


def info(database: str) -> dict[str, Any]:
    """The rows as they are searched: chunks, each with its vector; `external` says that the counts are here."""
    with psycopg.connect(database) as connection:
        spaces = connection.execute("SELECT id FROM embedding_spaces WHERE purpose = 'text'").fetchall()
        if not spaces:
            return {"external": True, "rows": 0}
        table = f"embeddings_{spaces[0][0]}"
        rows, distinct, without = connection.execute(
            f"SELECT count(*), count(DISTINCT content_hash), count(*) FILTER (WHERE e.content_hash IS NULL)"
            f" FROM chunks LEFT JOIN {table} e USING (content_hash)"
        ).fetchone()
        size = connection.execute(
            "SELECT pg_total_relation_size('chunks') + pg_total_relation_size('passages'),"
            f" pg_total_relation_size('{table}')"
        ).fetchone()
    return {
        "external": True,
        "table": table,
        "rows": rows,
        "distinct_texts": distinct,
        "null_embeddings": without,
        "size_mb": sum(size) / 1e6,
    }
