"""Re-embeds 200 novels through Dagster after a change of model; the daemon and its runs are killed in the middle.

    python -m bench.reembed_200 [--novels 200] [--shots DIR]

On a `morpheus up` of its own, with a fake provider (100 ms a request). Prints one line a figure.
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

import psutil
from sqlalchemy import Engine

from bench.backfill import write_novels
from bench.running_project import RunningProject, run_processes, running_project, until
from morpheus_assets.services.running_parts import CODE_SERVER, DAEMON, running_parts
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.coverage import Coverage, coverage
from morpheus_assets_tests.fixtures.searching import Reader

OLD, OLD_KEY = "openai/text-embedding-3-small@256", "openai-text-embedding-3-small-256"
NEW, NEW_KEY = "openai/text-embedding-3-large@512", "openai-text-embedding-3-large-512"
QUESTION = "a lantern in the harbour when the storm came"
TEXT_GRAPH = "/locations/morpheus_assets/asset-groups/text/lineage"


class Readers:
    """Eight threads that search all the while and count what they get."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url, pool_size=8)
        self.outcomes: Counter[str] = Counter()
        self.by_space: Counter[str] = Counter()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._read, daemon=True) for _ in range(8)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join(30)
        self.engine.dispose()

    def _read(self) -> None:
        reader = Reader(self.engine)
        while not self.done.wait(0.1):
            try:
                found = reader.ask(QUESTION, k=5)
                self.outcomes["answers" if len(found.passages) == 5 else "empty"] += 1
                self.by_space.update(found.spaces.values())
            except Exception as error:
                self.outcomes[f"{type(error).__name__}: {error}"] += 1


def covered(engine: Engine, key: str) -> Coverage | None:
    """The coverage of a space; None while it is not stored."""
    row = next((each for each in spaces.list_spaces(engine) if each.key == key), None)
    return coverage(engine, row) if row else None


def whole(engine: Engine, key: str, novels: int) -> bool:
    found = covered(engine, key)
    return found is not None and len(found.novels) == novels and found.whole


def share(engine: Engine) -> float:
    """The part of the new space that is filled, 0 to 1."""
    found = covered(engine, NEW_KEY)
    return found.present / found.needed if found and found.needed else 0.0


def kill_daemon_and_runs(project: RunningProject) -> None:
    running = running_parts(Settings(_env_file=None, data_folder=project.folder / "data", samples=False))
    assert running is not None
    parts = {part.name: psutil.Process(part.pid) for part in running.parts}
    for process in [parts[DAEMON], *run_processes(parts[CODE_SERVER])]:
        process.kill()


def screenshot(folder: Path | None, project: RunningProject, name: str, path: str = TEXT_GRAPH) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1500,900",
            "--timeout=20000", "--virtual-time-budget=25000", f"--screenshot={folder / name}.png",
            f"{project.address}{path}",
        ],
        check=False, capture_output=True, timeout=120,
    )  # fmt: skip


def say(label: str, text: object) -> None:
    print(f"{label:<48} {text}", flush=True)


def change_the_model(project: RunningProject, shots: Path | None) -> None:
    """Start anew with another model, kill in the middle, and print what became of it."""
    project.stop()
    project.environment |= {"MORPHEUS_TEXT_SPACES": NEW, "OPENAI_BASE_URL": f"{project.provider}/journal=1/v1"}
    changed = time.monotonic()
    project.start()
    url = project.database_url(driver="postgresql+psycopg")
    engine, readers = open_engine(url), Readers(url)
    readers.start()
    try:
        until(lambda: share(engine) > 0, 600, "the first vector in the new space", every=0.05)
        first_vector = time.monotonic()
        until(lambda: share(engine) > 0.4, 600, "two fifths of the new space", every=0.02)
        active = spaces.active_space(engine, "text")
        say("kill -9 of the daemon and its runs at", f"{share(engine):.0%}, {active.key} answers")
        kill_daemon_and_runs(project)
        killed = time.monotonic()
        screenshot(shots, project, "2-in-the-middle")
        until(lambda: spaces.active_space(engine, "text").key == NEW_KEY, 900, "the switch", every=0.1)
        switched = time.monotonic()
        time.sleep(5)
    finally:
        readers.stop()
    screenshot(shots, project, "3-after-the-switch")
    screenshot(shots, project, "4-its-runs", "/runs?view=backfills")
    with urlopen(f"{project.provider}/__journal") as answer:
        sent = Counter(value for request in json.load(answer) for value in request[3])
    table = spaces.get_space(engine, NEW_KEY).table
    asked = [sent[value] for (value,) in project.rows(f"SELECT encode(content_hash, 'hex') FROM {table}")]
    runs = project.dagster_rows(
        "SELECT r.status, count(*) FROM runs r JOIN run_tags t ON t.run_id = r.run_id"
        " WHERE t.key = 'morpheus/kind' AND t.value = 'reembed' GROUP BY 1"
    )
    say("chunks needed", covered(engine, NEW_KEY).needed)
    say("chunks sent to the provider", f"{sum(asked)}, twice: {sum(times > 1 for times in asked)}")
    say("runs", dict(runs))
    say("seconds from the change to the first vector", f"{first_vector - changed:.0f}")
    say("seconds from the change to the switch", f"{switched - changed:.0f}")
    say("seconds from the kill to the switch", f"{switched - killed:.0f}")
    say("readers", dict(readers.outcomes))
    say("answered by", dict(readers.by_space))
    say("states", [(each.key, each.state) for each in spaces.list_spaces(engine)])
    engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--novels", type=int, default=200)
    parser.add_argument("--shots", type=Path, help="a folder for pictures of the UI, taken with Chromium")
    arguments = parser.parse_args()
    # what was started is ended also when the bench is told to stop
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def prepare(folder: Path) -> None:
        (folder / "content" / "novels").mkdir(parents=True)
        write_novels(folder / "content" / "novels", "novel", arguments.novels)

    settings = {
        "MORPHEUS_TEXT_SPACES": OLD,
        "MORPHEUS_INPUTS_PER_REQUEST": "8",
        "MORPHEUS_REEMBED_CRON": "* * * * *",
    }
    with running_project(latency_ms=100, prepare=prepare, **settings) as project:
        engine = open_engine(project.database_url(driver="postgresql+psycopg"))
        took = until(lambda: whole(engine, OLD_KEY, arguments.novels), 1800, "the first embedding", every=1)
        say("novels ingested and embedded in the old space", f"{arguments.novels} in {took:.0f} s")
        engine.dispose()
        time.sleep(30)  # the last run still writes its events
        screenshot(arguments.shots, project, "1-before-the-change")
        change_the_model(project, arguments.shots)


if __name__ == "__main__":
    main()
