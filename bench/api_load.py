"""Latency, errors and CPU of the HTTP API under an open load: requests leave at a fixed rate, back or not.

    python -m bench.api_load --what search search+sentence --rates 20 50 --seconds 60

`search`: new questions of ten words, hybrid, with and without the nearest sentence; `text`: chapters of 5,000 words to
text-embedding-3-large. The fake provider takes 150 ms. Everything runs on this machine, the load included.
"""

import argparse
import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bench.deployment import SHARED_NOVELS
from bench.serving_setup import Bench, percentile, serving


@dataclass
class Load:
    """Seconds of each answered request, answers by status, and milliseconds of CPU a request."""

    took: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0
    cpu_ms: float = 0.0
    postgres_ms: float = 0.0


def requests_of(bench: Bench, what: str, chooser: random.Random) -> dict:
    words = bench.text.split()
    start = chooser.randrange(max(1, len(words) - 5000))
    if what == "text":
        chapter = f"{chooser.random()} " + " ".join(words[start : start + 5000])
        return {"method": "POST", "url": "/api/embeddings/text", "json": {"input": chapter}}
    question = " ".join(words[start : start + 10])
    options = {"q": question, "kind": "text", "sentences": "true" if what == "search+sentence" else "false"}
    return {"method": "GET", "url": "/api/embeddings/search", "params": options}


async def load(bench: Bench, what: str, rate: float, seconds: float, seed: float) -> Load:
    chooser, found = random.Random(seed), Load()
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=500)
    before = cpu_seconds(bench)
    async with httpx.AsyncClient(base_url=bench.api_url, timeout=60, limits=limits, trust_env=False) as client:

        async def one() -> None:
            request = client.build_request(**requests_of(bench, what, chooser))
            started = time.perf_counter()
            try:
                answer = await client.send(request)
            except httpx.HTTPError as error:
                found.statuses[type(error).__name__] += 1
                return
            found.statuses[str(answer.status_code)] += 1
            found.without_retry_after += answer.status_code in (429, 503) and "retry-after" not in answer.headers
            if answer.is_success:
                found.took.append(time.perf_counter() - started)

        tasks = []
        begin = time.perf_counter()
        for number in range(max(5, int(rate * seconds))):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(one()))
        await asyncio.gather(*tasks)
    after = cpu_seconds(bench)
    found.cpu_ms, found.postgres_ms = (
        1000 * (now - then) / len(tasks) for now, then in zip(after, before, strict=True)
    )
    return found


def cpu_seconds(bench: Bench) -> tuple[float, float]:
    """CPU seconds so far of the API's process, and of Postgres with its backends that are still there."""
    own = psutil.Process(bench.api_pid).cpu_times()
    server = psutil.Process(bench.postgres_pid)
    of_server = server.cpu_times()
    backends = sum(sum(each.cpu_times()[:2]) for each in server.children())
    return own.user + own.system, sum(of_server[:4]) + backends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("novel", type=Path, nargs="?", default=SHARED_NOVELS / "frankenstein.txt")
    parser.add_argument("--what", nargs="+", default=["search", "search+sentence"])
    parser.add_argument("--rates", nargs="+", type=float, default=[20, 50])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--latency-ms", type=float, default=150)
    parser.add_argument("--space", default="openai/text-embedding-3-large")
    parser.add_argument("--port", type=int, default=8199)
    options = parser.parse_args()
    with serving(options.novel, options.space, options.latency_ms, options.port) as bench:
        print(f"load average {os.getloadavg()[0]:.1f}; {len(bench.bodies)} passages, {options.space}", flush=True)
        columns = ("p50 ms", "p95 ms", "p99 ms", "max ms", "API CPU", "Postgres")
        print(
            f"{'what':16}{'rate/s':>7}{'n':>7}" + "".join(f"{name:>10}" for name in columns) + "  answers", flush=True
        )
        for what in options.what:
            asyncio.run(load(bench, what, 2, 5, seed=0))
            for rate in options.rates:
                found = asyncio.run(load(bench, what, rate, options.seconds, seed=time.time()))
                took = found.took or [0.0]
                figures = [1000 * percentile(took, share) for share in (0.5, 0.95, 0.99)] + [1000 * max(took)]
                figures += [found.cpu_ms, found.postgres_ms]
                answers = ", ".join(f"{count} × {status}" for status, count in sorted(found.statuses.items()))
                late = f" ({found.without_retry_after} without Retry-After)" if found.without_retry_after else ""
                print(
                    f"{what:16}{rate:7.0f}{sum(found.statuses.values()):7}"
                    + "".join(f"{value:10.1f}" for value in figures) + f"  {answers}{late}",
                    flush=True,
                )  # fmt: skip


if __name__ == "__main__":
    main()
