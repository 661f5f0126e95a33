"""Latency of the HTTP API under an open load: requests leave at a fixed rate, whether earlier ones are back or not.

    python bench/api_load.py NOVEL.txt --what text --rates 1 20 100 --seconds 20

`text`: chapters of 5,000 words to text-embedding-3-large against the fake provider (150 ms); `search`: questions of
ten words, hybrid, with and without the nearest sentence. Everything runs on this machine, the load included.
"""

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.serving_setup import Bench, percentile, serving


def requests_of(bench: Bench, what: str, chooser: random.Random) -> dict:
    words = bench.text.split()
    start = chooser.randrange(max(1, len(words) - 5000))
    if what == "text":
        chapter = f"{chooser.random()} " + " ".join(words[start : start + 5000])
        return {"method": "POST", "url": "/api/embeddings/text", "json": {"input": chapter}}
    question = " ".join(words[start : start + 10])
    options = {"q": question, "kind": "text", "sentences": "true" if what == "search+sentence" else "false"}
    return {"method": "GET", "url": "/api/embeddings/search", "params": options}


async def load(bench: Bench, what: str, rate: float, seconds: float) -> tuple[list[float], int]:
    chooser = random.Random(rate)
    took: list[float] = []
    failed = 0
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=500)
    async with httpx.AsyncClient(base_url=bench.api_url, timeout=60, limits=limits, trust_env=False) as client:

        async def one() -> None:
            nonlocal failed
            request = client.build_request(**requests_of(bench, what, chooser))
            started = time.perf_counter()
            try:
                answer = await client.send(request)
                failed += answer.status_code != 200
            except httpx.HTTPError:
                failed += 1
            took.append(time.perf_counter() - started)

        tasks = []
        begin = time.perf_counter()
        for number in range(max(5, int(rate * seconds))):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(one()))
        await asyncio.gather(*tasks)
    return took, failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("novel", type=Path)
    parser.add_argument("--what", nargs="+", default=["text", "search", "search+sentence"])
    parser.add_argument("--rates", nargs="+", type=float, default=[1, 20, 100])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--latency-ms", type=float, default=150)
    parser.add_argument("--space", default="openai/text-embedding-3-large")
    parser.add_argument("--port", type=int, default=8199)
    options = parser.parse_args()
    with serving(options.novel, options.space, options.latency_ms, options.port) as bench:
        print(f"{'what':18}{'rate/s':>8}{'n':>7}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'failed':>8}", flush=True)
        for what in options.what:
            asyncio.run(load(bench, what, 2, 3))
            for rate in options.rates:
                took, failed = asyncio.run(load(bench, what, rate, options.seconds))
                figures = [1000 * value for value in (percentile(took, 0.5), percentile(took, 0.95), max(took))]
                print(
                    f"{what:18}{rate:8.0f}{len(took):7}" + "".join(f"{v:9.0f}" for v in figures) + f"{failed:8}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
