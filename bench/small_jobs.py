"""Small jobs over HTTP beside a backfill of many novels: how soon each begins, and how long it takes.

    python -m bench.small_jobs --novels 100 --at-a-time 5 --rounds 4

On a real `morpheus up` with a fake provider; times are those that GET /api/jobs/{id} gives.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import Request, urlopen

from bench.backfill import write_novels
from bench.running_project import FINISHED, RunningProject, running_project, until
from bench.serving_setup import percentile

_RUNNING = """
    SELECT count(*) FILTER (WHERE status = 'STARTED'), count(*) FILTER (WHERE status IN ('SUCCESS', 'FAILURE'))
    FROM runs WHERE EXISTS (
        SELECT FROM run_tags WHERE run_tags.run_id = runs.run_id AND run_tags.key = 'dagster/backfill'
    )
"""


def ask(project: RunningProject, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer of the project's HTTP API."""
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{project.environment['MORPHEUS_API_PORT']}{path}"
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=60) as answer:
        return dict(json.load(answer))


def one_job(project: RunningProject, number: int) -> tuple[float, float, str]:
    """Seconds until a job begins and until it has ended, since it was asked for, and its status."""
    asked = time.time()
    job = ask(project, "/api/jobs", {"inputs": [f"The lamp burns at night, number {number}."]})
    while not (state := ask(project, job["url"]))["finished"]:
        time.sleep(0.25)
    return (state["started"] or time.time()) - asked, state["ended"] - asked, state["status"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--novels", type=int, default=100)
    parser.add_argument("--at-a-time", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--latency-ms", type=int, default=50, help="of each request to the fake provider")
    options = parser.parse_args()
    with running_project(latency_ms=options.latency_ms) as project, ThreadPoolExecutor(options.at_a_time) as threads:
        project.switch_sensors(on=False)
        print(f"load average {os.getloadavg()[0]:.1f}", flush=True)
        begun, done, status = one_job(project, 0)
        print(f"alone: begun {begun:.1f} s, done {done:.1f} s, {status}", flush=True)
        novels = write_novels(project.novels_folder, "beside", options.novels)
        project.add_partitions(novels)
        backfill = project.launch_backfill(novels)
        until(lambda: bool(project.dagster_rows(_RUNNING)[0][0]), 120, "the backfill's first run")
        found = []
        for round_ in range(options.rounds):
            numbers = range(1 + round_ * options.at_a_time, 1 + (round_ + 1) * options.at_a_time)
            found += list(threads.map(lambda number: one_job(project, number), numbers))
            state = project.backfill(backfill)["status"]
            running, ended = project.dagster_rows(_RUNNING)[0]
            print(
                f"round {round_ + 1}: backfill {state}, {running} runs at work, {ended} ended, "
                f"load average {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            if state in FINISHED:
                break
        for name, at in (("begun", 0), ("done", 1)):
            seconds = [each[at] for each in found]
            shares = ", ".join(f"p{share} {percentile(seconds, share / 100):.1f}" for share in (50, 95))
            print(f"{len(found)} jobs {name} after: {shares}, longest {max(seconds):.1f} s", flush=True)
        print("statuses:", {status: sum(each[2] == status for each in found) for status in {each[2] for each in found}})


if __name__ == "__main__":
    main()
