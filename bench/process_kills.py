"""kill -9 of every process of `morpheus up`, at rest and in the middle of an ingest: time until whole, what it said.

    python -m bench.process_kills [--seed 7] [--points 20] [--parts postgres,daemon] [--in-ingest] [--pooled]

While a part is away /readyz is asked ten times a second; "untrue" counts the answers that called it ok although its
process was dead. Pooled, PgBouncer is killed in place of Postgres. At the end one part is killed three times within a
minute, and the exit code is shown.
"""

import argparse
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.pooled_server import pooled_server
from bench.running_project import RunningProject, run_processes, running_project, until
from morpheus_assets.services.running_parts import RunningParts, running_parts
from morpheus_assets.settings import Settings
from morpheus_assets_tests.fixtures.deployment import story
from morpheus_assets_tests.fixtures.pgbouncer import PgBouncer

PARTS = ("postgres", "code server", "code server's process", "webserver", "daemon", "api", "run")
READYZ = {"postgres": "database", "code server's process": "code server", "webserver": "dagster"}
FOREVER = 240.0


@dataclass
class Point:
    """What became of one kill; times in seconds from it."""

    part: str
    when: str
    back: float
    whole: float
    untrue: int
    lost: int
    again: int
    sentence: str


class Watcher:
    """Asks /readyz all the time, and notes the answers that call a part ok whose process is dead."""

    def __init__(self, url: str, part: str, dead: Callable[[], bool]) -> None:
        self._url, self._part, self._dead = f"{url}/readyz", READYZ.get(part, part), dead
        self.untrue = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._end.wait(0.1):
            dead_before = self._dead()
            try:
                said = httpx.get(self._url, timeout=5).json()["parts"].get(self._part)
            except (httpx.HTTPError, ValueError):
                continue
            self.untrue += said == "ok" and dead_before and self._dead()


class Kills:
    """A running project, and a novel for each kill."""

    def __init__(self, project: RunningProject, pooler: PgBouncer | None = None) -> None:
        self.project, self.pooler = project, pooler
        self.settings = Settings(_env_file=None, data_folder=project.folder / "data", samples=False)
        self.api = f"http://127.0.0.1:{project.environment['MORPHEUS_API_PORT']}"
        self.output = project.folder / "output"

    def running(self) -> RunningParts:
        found = running_parts(self.settings)
        assert found is not None, self.output.read_text()
        return found

    def process(self, part: str) -> psutil.Process | None:
        """The process that stands for a part now."""
        name = "code server" if part in ("code server's process", "run") else part
        try:
            process = psutil.Process(next(each.pid for each in self.running().parts if each.name == name))
            if part == "code server's process":
                return process.children()[0]
            if part == "run":
                return next(iter(self.run_processes()), None)
        except (psutil.Error, IndexError):
            return None
        return process

    def run_processes(self) -> list[psutil.Process]:
        """The processes of the runs at work."""
        code_server = next(each.pid for each in self.running().parts if each.name == "code server")
        return run_processes(psutil.Process(code_server))

    def all_ok(self) -> bool:
        if set(self.running().states.values()) != {"ok"}:
            return False
        try:
            parts = httpx.get(f"{self.api}/readyz", timeout=5).json()["parts"]
        except (httpx.HTTPError, ValueError):
            return False
        return {state for name, state in parts.items() if name != "models"} - {"not configured"} == {"ok"}

    def stored(self, novel: str) -> tuple[int, int]:
        """How many distinct chunks of a novel there are, and how many of them have a vector."""
        query = (
            "SELECT count(DISTINCT c.content_hash), count(DISTINCT e.content_hash) FROM chunks c"
            " JOIN novels n ON n.id = c.novel_id LEFT JOIN embeddings_1 e USING (content_hash) WHERE n.novel = %s"
        )
        try:
            [(chunks, vectors)] = self.project.rows(query, (novel,))
        except Exception:
            return 0, 0
        return chunks, vectors

    def vectors(self, novel: str) -> set[bytes]:
        """The hashes of a novel's chunks that have a vector."""
        query = (
            "SELECT DISTINCT e.content_hash FROM embeddings_1 e JOIN chunks c USING (content_hash)"
            " JOIN novels n ON n.id = c.novel_id WHERE n.novel = %s"
        )
        return {bytes(row[0]) for row in self.project.rows(query, (novel,))}

    def whole(self, novel: str) -> bool:
        chunks, vectors = self.stored(novel)
        return chunks > 0 and chunks == vectors

    def drop(self, novel: str, seed: int, chapters: int = 12) -> None:
        beside = self.project.folder / "beside"
        beside.write_text(story(chapters=chapters, paragraphs=8, seed=seed))
        beside.rename(self.project.novels_folder / f"{novel}.txt")

    def _kill_pooler(self) -> None:
        assert self.pooler is not None
        self.pooler.stop()
        time.sleep(1)
        self.pooler.start()

    def kill(self, part: str, number: int, share: float | None) -> Point:
        """Kill a part, at rest or when so much of a novel is stored, and wait until all is well."""
        novel = f"novel-{number:02}"
        if share is not None or part == "run":
            share = share or 0.2
            # a run is to be at work yet when its process has been found
            self.drop(novel, number, 60 if part == "run" else 12)
            until(lambda: self.stored(novel)[1] > share * max(1, self.stored(novel)[0]), FOREVER, novel, 0.05)
        victim = self.process(part) if part != "pooler" else None
        assert victim is not None or self.pooler is not None, part
        said = len(self.output.read_text())
        before = self.vectors(novel) if share is not None else set()
        repeated = self.project.provider_stats()["repeated_inputs"]
        killed = time.monotonic()
        # what has taken its place by now is not dead
        dead = lambda: victim is not None and _is_gone(victim) and self.process(part) in (None, victim)  # noqa: E731
        with Watcher(self.api, part, dead) as watcher:
            if victim is None:
                self._kill_pooler()
            elif part == "run":
                # whichever of them ingests the novel
                for each in self.run_processes():
                    each.kill()
            else:
                victim.kill()
                until(lambda: self.process(part) not in (None, victim), FOREVER, f"another {part}")
        back = until(self.all_ok, FOREVER, "all parts", 0.2) and time.monotonic() - killed
        if share is not None:
            until(lambda: self.whole(novel), FOREVER, f"the whole of {novel}", 0.2)
        else:
            self.drop(novel, number)
            until(lambda: self.whole(novel), FOREVER, f"the whole of {novel}", 0.2)
        whole = time.monotonic() - killed
        after = self.vectors(novel)
        again = self.project.provider_stats()["repeated_inputs"] - repeated
        sentences = self.output.read_text()[said:].strip().replace("\n", " / ")
        when = "at rest" if share is None else f"at {share:.0%}"
        return Point(part, when, back, whole, watcher.untrue, len(before - after), again, sentences)


def main() -> None:
    """Print one line a kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--in-ingest", action="store_true", help="no kills at rest")
    parser.add_argument("--pooled", action="store_true", help="through PgBouncer in transaction mode")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with ExitStack() as stack:
        variables, pooler = {"MORPHEUS_REQUESTS_IN_FLIGHT": "2", "MORPHEUS_INPUTS_PER_REQUEST": "8"}, None
        if arguments.pooled:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpk")))
            folder.chmod(0o711)
            _, pooler, addresses = stack.enter_context(pooled_server(folder))
            variables |= addresses
        project = stack.enter_context(running_project(latency_ms=300, **variables))
        kills = Kills(project, pooler)
        kills.drop("first", 1)
        until(lambda: kills.whole("first"), FOREVER, "the first novel")
        until(kills.all_ok, FOREVER, "all parts")
        print(
            f"{'part':22} {'killed':8} {'all ok':>7} {'novel whole':>12} {'untrue':>7} {'lost':>5}"
            f" {'paid twice':>12}  sentence"
        )
        parts = ["pooler" if part == "postgres" and arguments.pooled else part for part in arguments.parts.split(",")]
        for number in range(arguments.points):
            part = parts[number % len(parts)]
            at_rest = number < len(parts) and part != "run" and not arguments.in_ingest
            share = None if at_rest else chance.uniform(0.05, 0.9)
            point = kills.kill(part, number + 10, share)
            print(
                f"{point.part:22} {point.when:8} {point.back:6.1f}s {point.whole:11.1f}s {point.untrue:7}"
                f" {point.lost:5} {point.again:12}  {point.sentence}",
                flush=True,
            )
            # the deaths of one part are to lie more than a minute apart
            time.sleep(25 if len(parts) < 4 and parts != ["run"] else 3)
        said = len(kills.output.read_text())
        up = psutil.Process(project.pid)
        while up.is_running() and up.status() != psutil.STATUS_ZOMBIE:
            victim = kills.process("api") if running_parts(kills.settings) else None
            if victim is not None:
                victim.kill()
            time.sleep(1)
        print("three deaths within a minute:", kills.output.read_text()[said:].strip().replace("\n", " / "))
        left = [each for each in psutil.process_iter() if _works_in(each, project.folder)]
        print("processes left:", [each.name() for each in left])


def _is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder / "data") in " ".join(process.cmdline())
    except psutil.Error:
        return False


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main()
