"""What a sensor's tick costs over 20,000 panels in a bucket of a real S3 server (moto's, in a process of its own).

    .venv/bin/python -m bench.content_on_s3 [panels] [milliseconds that every request takes longer]

First the ticks until every panel is known, then idle ones, then ones that find ten new panels put one by one. For each:
seconds, pages, requests by kind. `limit` is the same listing by boto3 alone, one page after the other, kept nowhere.
The server shares the machine: `server` is its processor time, which another machine would spend.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import boto3
import dagster as dg
import psutil

from bench.deployment import throwaway
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.defs.sensors.new_content import new_panels_sensor
from morpheus_assets_tests.fixtures.s3 import Bucket, S3Process

REPEATS = 3
NOVELS = 20


class Ticks:
    """The sensor as the daemon ticks it."""

    def __init__(self, settings: object, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.resources = {"database": DatabaseResource(settings), "content_folder": ContentFolderResource(settings)}
        self.cursor: str | None = None

    def tick(self) -> int:
        """One tick; the number of runs that it asks for."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, resources=self.resources)
        result = new_panels_sensor(context)
        if isinstance(result, dg.SkipReason):
            self.cursor = context.cursor
            return 0
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions("novels", list(request.partition_keys))
        return len(result.run_requests or [])

    def position(self) -> str | None:
        return json.loads(self.cursor or "{}").get("after")

    def asked(self) -> set[tuple[str, str]]:
        """Novels with the state in which they were asked for; no run follows here, so that all of them stay."""
        return set(json.loads(self.cursor or "{}").get("asked", {}).items())


def measured(name: str, bucket: Bucket, server: psutil.Process, work: Callable[[], str]) -> float:
    bucket.requests()
    spent, started = sum(server.cpu_times()[:2]), time.perf_counter()
    own = time.process_time()
    said = work()
    seconds = time.perf_counter() - started
    own, spent = time.process_time() - own, sum(server.cpu_times()[:2]) - spent
    requests = ", ".join(f"{count} {kind}" for kind, count in sorted(bucket.requests().items()))
    print(f"{name:<18}{seconds:6.2f} s   own {own:5.2f} s   server {spent:5.2f} s   {requests:<18} {said}", flush=True)
    return seconds


def list_alone(bucket: Bucket) -> str:
    client = boto3.client("s3", endpoint_url=bucket.process.url)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix="library/panels/")
    return f"{sum(len(page['Contents']) for page in pages)} objects"


def main() -> None:
    panels = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    slower = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    s3 = S3Process()
    os.environ.update(s3.environment(), DAGSTER_DISABLE_TELEMETRY="1")
    try:
        bucket = Bucket(s3)
        s3.tell("seed", bucket=bucket.name, prefix="library/panels", novels=NOVELS, panels=panels // NOVELS)
        s3.tell("slow", seconds=slower / 1000)
        with throwaway() as local, dg.DagsterInstance.ephemeral() as instance:
            report(bucket, Ticks(local.model_copy(update={"content": bucket.url}), instance), panels)
    finally:
        s3.stop()


def report(bucket: Bucket, ticks: Ticks, panels: int) -> None:
    server, own = psutil.Process(bucket.process.pid), psutil.Process()
    before = own.memory_info().rss
    print(f"{panels} panels of {NOVELS} novels; load {os.getloadavg()[0]:.1f}")
    number = 0

    def tick() -> str:
        return f"{ticks.tick()} runs, cursor {len(ticks.cursor or '')} bytes"

    while number == 0 or ticks.position() is not None:
        number += 1
        measured(f"first tick {number}", bucket, server, tick)
    assert len(ticks.asked()) == NOVELS
    rows: dict[str, list[float]] = {"limit": [], "idle": [], "ten new": []}
    for repeat in range(REPEATS):
        rows["limit"].append(measured("limit", bucket, server, lambda: list_alone(bucket)))
        rows["idle"].append(whole("idle", bucket, server, ticks, tick))
        for new in range(10):
            bucket.put(f"panels/novel-{new:03}/new-{repeat}.png", f"{repeat} {new}")
        before_them = ticks.asked()
        rows["ten new"].append(whole("ten new", bucket, server, ticks, tick))
        assert len(ticks.asked() - before_them) == 10
    medians = {name: statistics.median(found) for name, found in rows.items()}
    print("medians           " + "   ".join(f"{name} {seconds:.2f} s" for name, seconds in medians.items()))
    print(f"ten new : limit   {medians['ten new'] / medians['limit']:.2f}")
    print(f"memory grew by    {(own.memory_info().rss - before) / 2**20:.0f} MiB")


def whole(name: str, bucket: Bucket, server: psutil.Process, ticks: Ticks, tick: Callable[[], str]) -> float:
    """The ticks of one whole round, which is one tick unless the machine is slow."""
    seconds = [measured(name, bucket, server, tick)]
    while ticks.position() is not None:
        seconds.append(measured(f"{name}, goes on", bucket, server, tick))
    return sum(seconds)


if __name__ == "__main__":
    main()
