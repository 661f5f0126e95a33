"""The project beside the limit script and the peers: same corpus, endpoint and Postgres, in rounds.

    python -m bench.beside_peers [--peers-folder ../shared/peers] [--only limit,morpheus,pgai:tuned] [--repeats 3]

Writes beside_peers.json, .md and .png to bench/results. Before each system the limit script runs anew, before the
project also the second floor (peer_floor.py), and ratios are to those runs.
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.peer_report import RESULTS, write_report
from bench.peer_table import FLOOR, LIMIT
from bench.peers_harness import OWN, PROJECT, HarnessMissing, Round, borrowed, installed_peers, missing_peers

# Word pieces: with these the corpus makes about as many chunks as the peers' 2,000 characters do.
LIKE_THE_PEERS = 512
OWN_ROWS = (OWN, f"{OWN}+MORPHEUS_CHUNK_TOKENS={LIKE_THE_PEERS}")


def chosen_rows(only: str | None, installed: Sequence[str]) -> list[str]:
    """The harness's specs to run beside the limit; raises HarnessMissing for a peer that is not installed."""
    if only is None:
        return [*OWN_ROWS, *(name for name in installed if name != LIMIT)]
    rows = []
    for spec in only.split(","):
        name = spec.split("+")[0].split(":")[0]
        if name not in (*installed, OWN):
            raise HarnessMissing(f"{name} is not installed; there are {', '.join([*installed, OWN])}.")
        rows += OWN_ROWS if spec == OWN else [spec]
    return list(dict.fromkeys(spec for spec in rows if spec != LIMIT)) or [LIMIT]


def floor_of(spec: str) -> list[str]:
    """The second floor beside a row of the project, which cuts as that does; none beside another system."""
    head, _, extras = spec.partition("+")
    return [FLOOR + (f"+{extras}" if extras else "")] if head == OWN else []


def measure(folder: Path, rows: Sequence[str], repeats: int, edits: str) -> Iterator[list[dict[str, Any]]]:
    """The harness's records of every step so far, each with its round's number, after each row of each round."""
    options = argparse.Namespace(corpus="corpus", dims=1536, latency_ms=100.0)
    records: list[dict[str, Any]] = []
    with borrowed(folder, RESULTS / "logs") as harness:
        for number in range(1, repeats + 1):
            for spec in rows:
                begun = time.perf_counter()
                # the limit each time anew: on a noisy machine a ratio holds only for the same minutes
                for each in dict.fromkeys([LIMIT, *floor_of(spec), spec]):
                    system = Round(harness, each, options)
                    steps = system.run(edits=edits == "all" or (edits == "first" and number == 1))
                    records += [{**step, "round": number} for step in steps]
                print(f"{spec}: round {number} took {time.perf_counter() - begun:.0f} s", flush=True)
                yield records


def conditions() -> dict[str, Any]:
    """Where and when, for the reader of the figures."""
    return {
        "at": time.strftime("%Y-%m-%d %H:%M"),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "dagster": version("dagster"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-folder", type=Path, default=PROJECT.parent / "shared" / "peers")
    parser.add_argument("--only", help="comma list of rows, as NAME[:tuned][+ENV=VALUE]; the limit is always one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--edits", choices=["all", "first", "none"], default="all", help="rounds with edits")
    given = parser.parse_args()
    try:
        folder = given.peers_folder.resolve()
        rows = chosen_rows(given.only, installed_peers(folder))
    except HarnessMissing as missing:
        sys.exit(str(missing))
    absent = missing_peers(folder)
    if absent and given.only is None:
        print(f"Left out, for they are not installed in {folder}/venvs: {', '.join(absent)}.")
    RESULTS.mkdir(parents=True, exist_ok=True)
    # else a kill would leave the harness's server and endpoint running
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    before = conditions()
    for records in measure(folder, rows, given.repeats, given.edits):
        # after each row: what was measured is there also when the rest is interrupted
        measured = {"conditions": before, "records": records}
        (RESULTS / "beside_peers.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")
        write_report(measured, RESULTS)
    print(f"Tables and picture: {RESULTS}/beside_peers.md and .png")


if __name__ == "__main__":
    main()
