"""How long a vector takes: from the provider (200 ms), from Postgres, from Redis, over the HTTP API.

python -m bench.cache NOVEL.txt --redis-port 6399      (a redis-server is started for it)
"""

import argparse
import asyncio
import random
import shutil
import subprocess
import time
from pathlib import Path

import httpx

from bench.serving_setup import Bench, percentile, serving


async def times(bench: Bench, bodies: list[dict]) -> tuple[list[float], list[dict]]:
    took, answers = [], []
    async with httpx.AsyncClient(base_url=bench.api_url, timeout=30, trust_env=False) as client:
        for body in bodies:
            started = time.perf_counter()
            answer = await client.post("/api/embeddings/text", json=body)
            took.append(time.perf_counter() - started)
            answers.append(answer.json())
    return took, answers


async def searches(bench: Bench, questions: list[str]) -> tuple[list[float], list[dict]]:
    took, answers = [], []
    async with httpx.AsyncClient(base_url=bench.api_url, timeout=30, trust_env=False) as client:
        for question in questions:
            started = time.perf_counter()
            answer = await client.get("/api/embeddings/search", params={"q": question, "kind": "text"})
            took.append(time.perf_counter() - started)
            answers.append(answer.json())
    return took, answers


def show(name: str, took: list[float], answers: list[dict]) -> None:
    cached = sum(answer["cached"] for answer in answers)
    print(
        f"{name:44}{len(took):6}{1000 * percentile(took, 0.5):9.1f}{1000 * percentile(took, 0.95):9.1f}{cached:9}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("novel", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--redis-port", type=int, default=6399)
    parser.add_argument("--port", type=int, default=8198)
    parser.add_argument("--space", default="openai/text-embedding-3-large@1024")
    options = parser.parse_args()
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("There is no redis-server on this machine.")
    command = [program, "--port", str(options.redis_port), "--bind", "127.0.0.1", "--save", ""]
    redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        url = f"redis://127.0.0.1:{options.redis_port}/0"
        with serving(options.novel, options.space, 200, options.port, url) as bench:
            chooser = random.Random(1)
            passages = chooser.sample(bench.bodies, options.count)
            queries = [{"input": f"question {n} {body[:60]}", "input_type": "query"} for n, body in enumerate(passages)]
            print(f"{'one vector over HTTP':44}{'n':>6}{'p50 ms':>9}{'p95 ms':>9}{'cached':>9}")
            show("uncached (provider at 200 ms)", *asyncio.run(times(bench, queries)))
            stored = [{"input": body, "input_type": "document"} for body in passages]
            show("from Postgres (a stored passage)", *asyncio.run(times(bench, stored)))
            show("from Redis (a query asked again)", *asyncio.run(times(bench, queries)))
            questions = [body[100:160] for body in passages]
            show("search, uncached", *asyncio.run(searches(bench, questions)))
            show("search, from Redis", *asyncio.run(searches(bench, questions)))
    finally:
        redis.terminate()
        redis.wait(10)


if __name__ == "__main__":
    main()
