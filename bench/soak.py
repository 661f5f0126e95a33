"""A whole deployment under a random schedule drawn from a seed, with invariants all the time and at quiet points.

    python -m bench.soak [--minutes 10] [--seed 1] [--pooled] [--only add,edit] [--shrink 6] [--spoil]

A violation prints the seed and the schedule; `--shrink N` runs parts of it up to N times more to find the shortest
that still shows one. `--spoil` puts a wrong vector into the database, to see that it is noticed.
"""

import argparse
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence

import psycopg

from bench.soak_actions import WEIGHTS, SoakActions
from bench.soak_deployment import lacks, soak_deployment
from bench.soak_invariants import SoakInvariants, Violation

QUIET_EVERY = 6
Step = tuple[str, int]


def schedule(seed: int, minutes: float, only: Sequence[str] = ()) -> list[Step]:
    """What a seed does, or only these of its actions; each step has its own number for its own chances."""
    chance = random.Random(seed)
    missing = lacks()
    weights = {name: weight for name, weight in WEIGHTS.items() if name in only or not only}
    weights = {name: weight for name, weight in weights.items() if name not in missing}
    names = chance.choices(list(weights), list(weights.values()), k=max(QUIET_EVERY, int(minutes * 10)))
    return [("add", chance.randrange(10**9)), *((name, chance.randrange(10**9)) for name in names)]


def run(steps: Sequence[Step], seed: int, minutes: float, *, pooled: bool, say: Callable[[str], None]) -> str | None:
    """Do the steps for so many minutes, with a quiet point after every sixth and at the end; the violation, or None."""
    invariants: SoakInvariants | None = None
    try:
        with soak_deployment(seed, pooled=pooled) as deployment:
            actions = SoakActions(deployment)
            invariants = SoakInvariants(deployment, actions)
            deadline = time.monotonic() + minutes * 60
            actions.away_until = time.monotonic() + 10
            with invariants.watching():
                for number, (name, own) in enumerate(steps, 1):
                    if time.monotonic() > deadline:
                        break
                    say(f"{number} {name}:{own}")
                    try:
                        getattr(actions, name)(random.Random(own))
                    except psycopg.Error:
                        # what looks at a database that was just ended does nothing
                        say(f"{number} {name} found no database")
                    time.sleep(random.Random(own).uniform(0.5, 3))
                    if number % QUIET_EVERY == 0:
                        say(_quiet(invariants, say))
                say(_quiet(invariants, say))
            deployment.project.stop()
            invariants.after_the_end()
    except Violation as fault:
        return str(fault)
    return None


def _quiet(invariants: SoakInvariants, say: Callable[[str], None]) -> str:
    took = invariants.quiet(say)
    actions = invariants.actions
    pages = sum(map(len, actions.pages.values()))
    return (
        f"quiet after {took:.0f} s: {len(actions.texts)} novels, {pages} pages, {invariants.searches} searches, the"
        f" slowest {invariants.slowest:.1f} s, {invariants.unbooked} tokens unbooked, helped {invariants.helped} times,"
        f" started {invariants.at.starts} times"
    )


def shrink(steps: Sequence[Step], fails: Callable[[list[Step]], bool], most_runs: int) -> list[Step]:
    """The shortest schedule found within so many runs that still shows a violation: halves, then ever smaller parts."""
    found, size, runs = list(steps), len(steps) // 2, 0
    while size and runs < most_runs:
        for start in range(0, len(found), size):
            shorter = found[:start] + found[start + size :]
            if not shorter or runs >= most_runs:
                break
            runs += 1
            if fails(shorter):
                found = shorter
                break
        else:
            size //= 2
        size = min(size, len(found) // 2 or (1 if len(found) > 1 else 0))
    return found


def main() -> int:
    """Print the violation, or that there was none; the exit code is 1 or 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pooled", action="store_true", help="through PgBouncer in transaction mode")
    parser.add_argument("--only", default="", help="these actions and no others, separated by commas")
    parser.add_argument("--shrink", type=int, default=0, metavar="RUNS")
    parser.add_argument("--spoil", action="store_true", help="end with a wrong vector")
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    steps = schedule(arguments.seed, arguments.minutes, only)
    if arguments.spoil:
        steps.append(("spoil", 0))
    for name, reason in lacks().items():
        print(f"without {name}: {reason}")

    def say(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)

    def attempt(some: Sequence[Step]) -> str | None:
        return run(some, arguments.seed, arguments.minutes, pooled=arguments.pooled, say=say)

    violation = attempt(steps)
    mode = "pooled" if arguments.pooled else "direct"
    if violation is None:
        say(f"seed {arguments.seed}, {mode}: no violation")
        return 0
    say(f"seed {arguments.seed}, {mode}: {violation}")
    if arguments.shrink:
        steps = shrink(steps, lambda some: attempt(some) is not None, arguments.shrink)
    print("schedule:", " ".join(f"{name}:{own}" for name, own in steps))
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
