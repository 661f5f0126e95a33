"""A backfill spread over two Celery workers, one of them killed -9 in the middle; and the budget that they share.

    .venv/bin/python -m bench.celery_kill [--novels 50] [--only kill,budget]

Everything is real but the provider: Postgres, Redis, webserver, daemon, workers in network namespaces of their own
(bench.separate_machines). The backfill is launched through GraphQL, as the UI does.
"""

import argparse
import json
import os
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from urllib.request import urlopen

from bench.backfill import SEARCHABLE
from bench.deployment import SHARED_NOVELS
from bench.running_project import FINISHED, until
from bench.separate_machines import Cluster, cluster
from morpheus_assets_tests.fixtures.deployment import story

LATENCY = 0.4
WINDOW = 60.0
STARTED = "SELECT run_id, step_key, timestamp, event FROM event_logs WHERE event LIKE '%%in celery worker%%'"
COMMITTED = (
    "SELECT encode(content_hash, 'hex'), extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM embeddings_1"
)
ENDED = (
    "SELECT r.status, count(*) FROM runs r JOIN run_tags t ON t.run_id = r.run_id"
    " WHERE t.key = 'dagster/backfill' AND t.value = %s GROUP BY 1 ORDER BY 1"
)
Request = tuple[float, str, int, list[str]]


def write_stories(made: Cluster, prefix: str, count: int) -> list[str]:
    """Files of some 32 passages each; their keys in order."""
    names = [f"{prefix}-{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        text = story(chapters=8, paragraphs=8, seed=number + 10_000 * len(prefix))
        (made.novels_folder / f"{name}.txt").write_text(text)
    made.add_partitions(names)
    return names


def journal(made: Cluster) -> list[Request]:
    """What the provider let in, in order: (arrived, client, tokens, sha256 of each input)."""
    with urlopen(f"{made.provider}/__journal", timeout=60) as answer:
        return [(row[0], row[1], row[2], row[3]) for row in json.load(answer)]


def whole(made: Cluster, prefix: str) -> int:
    """How many novels can be found with all their passages."""
    if not made.rows("SELECT 1 FROM pg_tables WHERE tablename = 'embeddings_1'"):
        return 0
    return int(made.rows(SEARCHABLE, [f"{prefix}-%"])[0][0])


def wait_for(made: Cluster, backfill: str, seconds: float) -> float:
    """Wait for a backfill's end; returns the seconds."""
    return until(lambda: made.backfill(backfill)["status"] in FINISHED, seconds, "the end of the backfill", 1)


def kill_one(made: Cluster, count: int) -> None:
    """The backfill with a kill in the middle, and what became of it."""
    names = write_stories(made, "kill", count)
    made.start_worker(1)
    made.start_worker(2)
    begun = time.monotonic()
    backfill = made.launch_backfill(names)
    victim = f"{made.network.prefix}.3" if made.network.namespaces else ""

    def in_the_middle() -> bool:
        if whole(made, "kill") < 0.3 * count:
            if made.backfill(backfill)["status"] in FINISHED:
                raise SystemExit("The backfill ended before its middle: see the runs' errors.")
            return False
        recent = [row for row in journal(made) if row[0] > time.time() - LATENCY / 2]
        return any(row[1] == victim or not victim for row in recent)

    until(in_the_middle, 900, "the middle of the backfill", 0.05)
    done, killed = whole(made, "kill"), time.time()
    number = made.processes["worker2"].pid
    made.kill("worker2")
    wait_for(made, backfill, 1800)
    seconds = time.monotonic() - begun
    sent = journal(made)
    again, in_flight = asked_again(made, sent)
    steps, moved = steps_of(made, number, killed)
    hashes = [value for row in sent for value in row[3]]
    line("machines", "network namespaces on a bridge" if made.network.namespaces else "processes on loopback")
    line("novels done", f"{whole(made, 'kill')} of {count} in {seconds:.0f} s; {done} when one worker was killed -9")
    line("runs", ", ".join(f"{number} {status}" for status, number in made.dagster_rows(ENDED, [backfill])))
    line("steps by worker", ", ".join(f"{value} on {key}" for key, value in steps.items()))
    line("inputs by worker", ", ".join(f"{value} from {key}" for key, value in senders(sent).items()))
    line("inputs sent", f"{len(hashes)} for {len(set(hashes))} passages")
    line("sent twice", f"{in_flight} that were in flight at the kill; {again} that were committed before")
    line("steps taken over", f"{len(moved)}, after {min(moved, default=0):.0f} to {max(moved, default=0):.0f} s")


def asked_again(made: Cluster, sent: Sequence[Request]) -> tuple[int, int]:
    """Inputs asked again after their vector was committed, and those asked again without that."""
    committed = {key: float(at) for key, at in made.rows(COMMITTED)}
    asked: dict[str, list[float]] = defaultdict(list)
    for arrived, _, _, hashes in sent:
        for value in hashes:
            asked[value].append(arrived)
    assert set(committed) == set(asked), "a vector that nobody asked for, or the other way round"
    later = [(value, at) for value, times in asked.items() for at in sorted(times)[1:]]
    again = sum(committed[value] < at for value, at in later)
    return again, len(later) - again


def steps_of(made: Cluster, victim: int, killed: float) -> tuple[Counter[str], list[float]]:
    """Steps executed by each worker, and the seconds from the kill until a step of the victim began elsewhere."""
    steps: Counter[str] = Counter()
    moved = []
    last: dict[tuple[str, str], bool] = {}
    for run, step, at, event in sorted(made.dagster_rows(STARTED), key=lambda row: row[2]):
        found = re.search(r"(\d+)@", event)
        assert found is not None
        killed_one = int(found[1]) == victim
        steps["the killed one" if killed_one else f"worker {found[1]}"] += 1
        if last.get((run, step)) and not killed_one:
            moved.append(at.timestamp() - killed if hasattr(at, "timestamp") else float(at) - killed)
        last[run, step] = killed_one
    return steps, moved


def senders(sent: Sequence[Request]) -> Counter[str]:
    """Inputs by the address that sent them."""
    counts: Counter[str] = Counter()
    for _, client, _, hashes in sent:
        counts[client] += len(hashes)
    return counts


def share_a_budget(made: Cluster, what: str, limit: int, number: int) -> None:
    """Two fresh workers under one tight limit, for some three minutes: the fullest of them."""
    names = write_sections(made, what, 10)
    loose = {"MORPHEUS_REQUESTS_PER_MINUTE": "100000", "MORPHEUS_TOKENS_PER_MINUTE": "100000000"}
    # what was sent without this limit counts for a minute
    made.rows("DELETE FROM rate_limits")
    since = time.time()
    for worker in (number, number + 1):
        # one step at a time, so that both workers embed
        made.start_worker(worker, 1, **loose | {f"MORPHEUS_{what.upper()}_PER_MINUTE": str(limit)})
    wait_for(made, made.launch_backfill(names), 1800)
    sent = [row for row in journal(made) if row[0] > since]
    used = fullest([(row[0], 1 if what == "requests" else row[2]) for row in sent])
    line(f"fullest minute, {what}", f"{used} of {limit}: {100 * (used - limit) / limit:+.1f} %")
    line("", f"{len(sent)} requests in {sent[-1][0] - sent[0][0]:.0f} s; inputs by worker: {dict(senders(sent))}")
    for worker in (number, number + 1):
        made.stop_machine(f"worker{worker}")


def write_sections(made: Cluster, prefix: str, count: int) -> list[str]:
    """Files of prose, whose tokens are counted alike by us and by the provider, of some 40 passages each."""
    book = (SHARED_NOVELS / "war-and-peace-latin1.txt").read_text(encoding="latin-1")
    names = [f"{prefix}-{number:03}" for number in range(count)]
    start = 100_000 + 1_000_000 * (prefix == "tokens")
    for number, name in enumerate(names):
        text = book[start + 40_000 * number : start + 40_000 * (number + 1)]
        (made.novels_folder / f"{name}.txt").write_text(text, encoding="utf-8")
    made.add_partitions(names)
    return names


def fullest(arrivals: Sequence[tuple[float, int]]) -> int:
    """The largest sum in any window of a minute."""
    most = current = start = 0
    for at, amount in arrivals:
        current += amount
        while at - arrivals[start][0] >= WINDOW:
            current -= arrivals[start][1]
            start += 1
        most = max(most, current)
    return most


def line(name: str, value: str) -> None:
    print(f"{name:28} {value}", flush=True)


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--novels", type=int, default=50)
    parser.add_argument("--only", default="kill,budget")
    arguments = parser.parse_args()
    # what was started is ended also when the bench is told to stop
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    only = arguments.only.split(",")
    with cluster(
        options=f"journal=1,latency_ms={LATENCY * 1000:.0f}",
        MORPHEUS_INPUTS_PER_REQUEST="8",
        MORPHEUS_REQUESTS_IN_FLIGHT="3",
    ) as made:
        if "kill" in only:
            kill_one(made, arguments.novels)
        if "budget" in only:
            if "worker1" in made.processes:
                made.stop_machine("worker1")
            share_a_budget(made, "requests", 15, 3)
            share_a_budget(made, "tokens", 27_000, 5)
    line("load", " ".join(f"{value:.1f}" for value in os.getloadavg()))


if __name__ == "__main__":
    main()
