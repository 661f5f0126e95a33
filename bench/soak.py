"""A whole deployment under a random schedule drawn from a seed, with invariants at quiet points.

    python -m bench.soak [--minutes 10] [--seed 1] [--pooled] [--shrink 6]

The schedule adds, edits, renames and removes novels, kills, stops and restarts processes and Postgres, ends
backends, cancels runs, switches and drops spaces, while the provider fails at random and searches go on. A violation
prints the seed and the schedule; `--shrink N` runs parts of it up to N times more to find the shortest that shows it.
Not in it: a full disk, a step of the clock, two deployments on one database.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx
import numpy as np
import psutil
import psycopg

from bench.running_project import RunningProject, run_processes, running_project
from morpheus_assets.services.running_parts import running_parts
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets_tests.fixtures.deployment import story
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

SPACES = {"openai-text-embedding-3-small-256": 256, "openai-text-embedding-3-small-128": 128}
TEXT_SPACES = "openai/text-embedding-3-small@256,openai/text-embedding-3-small@128"
FAULTS = "random=429:0.03+500:0.03+reset:0.02"
PARTS = ("postgres", "code server", "webserver", "daemon", "api")
# How long a deployment may take to be whole once nothing is done to it any more: a run that failed waits a minute.
WHOLE_SECONDS = 240.0
# How long searches may be unanswered after the API, or what it stands on, was touched.
AWAY_SECONDS = 40.0
QUIET_EVERY = 6
AT_WORK = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]

Step = tuple[str, int]


class Violation(Exception):
    """An invariant does not hold; the message says which and how."""


class Soak:
    """One deployment, what should be in it, and what was done to it."""

    def __init__(self, project: RunningProject, database_url: str, server: EmbeddedPostgres | None) -> None:
        self.project, self.url, self.server = project, database_url, server
        self.settings = Settings(_env_file=None, data_folder=project.folder / "data", samples=False)
        self.api = f"http://127.0.0.1:{project.environment['MORPHEUS_API_PORT']}"
        self.texts: dict[str, str] = {}
        self.removed: set[str] = set()
        self.away_until = 0.0
        self.dropped: set[str] = set()
        self.committed: set[bytes] = set()
        self.looked_at_journal = 0
        self.faults: list[str] = []

    # --- what is done -------------------------------------------------------------------------------------------

    def add(self, chance: random.Random) -> None:
        novel = f"novel-{chance.randrange(1000):03}"
        self._write(novel, story(chapters=chance.randint(1, 5), paragraphs=5, seed=chance.randrange(10**6)))

    def edit(self, chance: random.Random) -> None:
        novel = self._any(chance)
        if novel:
            paragraphs = self.texts[novel].split("\n\n")
            paragraphs.insert(chance.randrange(1, len(paragraphs)), f"A new thought, number {chance.random()}.")
            self._write(novel, "\n\n".join(paragraphs))

    def rename(self, chance: random.Random) -> None:
        novel = self._any(chance)
        if novel:
            fresh = f"renamed-{chance.randrange(1000):03}"
            (self.project.novels_folder / f"{novel}.txt").rename(self.project.novels_folder / f"{fresh}.txt")
            self.texts[fresh] = self.texts.pop(novel)
            self.removed.add(novel)

    def remove(self, chance: random.Random) -> None:
        novel = self._any(chance)
        if novel:
            (self.project.novels_folder / f"{novel}.txt").unlink()
            self.removed.add(novel)
            del self.texts[novel]

    def kill(self, chance: random.Random) -> None:
        part = chance.choice(PARTS)
        self._signal(part, signal.SIGKILL)

    def kill_run(self, chance: random.Random) -> None:
        for process in self._runs()[:1]:
            process.kill()

    def stop(self, chance: random.Random) -> None:
        part = chance.choice(PARTS[1:])
        self._signal(part, signal.SIGSTOP)
        time.sleep(chance.uniform(1, 6))
        self._signal(part, signal.SIGCONT)

    def restart_postgres(self, chance: random.Random) -> None:
        self._signal("postgres", signal.SIGINT)

    def recycle_backends(self, chance: random.Random) -> None:
        with suppress(psycopg.Error):
            self.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def cancel_runs(self, chance: random.Random) -> None:
        with suppress(Exception):
            for run in self._at_work():
                self.project.ask("mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=run)

    def switch(self, chance: random.Random) -> None:
        self._command("spaces", "activate", chance.choice(list(SPACES)))

    def drop_space(self, chance: random.Random) -> None:
        states = self._spaces()
        standing = [key for key in SPACES if states.get(key, ("", 0))[0] in ("ready", "building")]
        if standing:
            key = chance.choice(standing)
            if self._command("spaces", "retire", key) and self._command("spaces", "drop", key, "--yes"):
                self.dropped.add(key)

    def backfill(self, chance: random.Random) -> None:
        with suppress(Exception):
            self.project.launch_job("ingest_unfinished")

    def wait(self, chance: random.Random) -> None:
        time.sleep(chance.uniform(2, 12))

    # --- quiet, and what must hold then -------------------------------------------------------------------------

    def quiet(self) -> None:
        """Wait until all is whole, and check the invariants. Raises Violation."""
        deadline = time.monotonic() + WHOLE_SECONDS
        why = "nothing was looked at"
        while time.monotonic() < deadline:
            self.away_until = max(self.away_until, time.monotonic() + 1)
            try:
                why = self._why_not_whole()
            except Exception as fault:
                why = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"
            if not why:
                break
            time.sleep(1)
        if why:
            raise Violation(f"not whole after {WHOLE_SECONDS:.0f} s: {why}")
        self._check_vectors()
        self._check_asked_again()
        self._check_spending()
        self._check_left_over()
        if self.faults:
            raise Violation(f"searches were not answered: {self.faults[:3]}")

    def _why_not_whole(self) -> str:
        running = running_parts(self.settings)
        if running is None:
            raise Violation("`up` has ended: " + (self.project.folder / "output").read_text()[-500:])
        down = {name: state for name, state in running.states.items() if state != "ok"}
        if down:
            return f"parts {down}"
        for novel in sorted(self.removed - set(self.texts)):
            if self.rows("SELECT 1 FROM novels WHERE novel = %s", (novel,)):
                self._command("remove", novel, "--yes")
        at_work = self._at_work()
        if at_work:
            return f"runs at work: {len(at_work)}"
        stored = dict(self.rows("SELECT novel, source_digest FROM novels WHERE body_digest IS NOT NULL"))
        wanted = {novel: hashlib.sha256(text.encode()).hexdigest() for novel, text in self.texts.items()}
        wrong = [novel for novel in wanted.keys() | stored.keys() if stored.get(novel) != wanted.get(novel)]
        if wrong:
            return f"not as their files: {sorted(wrong)[:4]}"
        states = self._spaces()
        if set(states) != set(SPACES):
            return f"spaces are {states}"
        for key, (state, number) in states.items():
            lacking = self.rows(
                f"SELECT count(DISTINCT c.content_hash) FROM chunks c LEFT JOIN embeddings_{number} e"
                " USING (content_hash) WHERE e.content_hash IS NULL"
            )[0][0]
            if lacking or state not in ("ready", "active"):
                return f"{key} is {state} and lacks {lacking}"
        return ""

    def _check_vectors(self) -> None:
        passages = self.rows("SELECT DISTINCT content_hash, body FROM chunks c JOIN passages p USING (content_hash)")
        self.committed = set()
        for key, (_, number) in self._spaces().items():
            found = {
                bytes(hashed): np.asarray(json.loads(vector), np.float32)
                for hashed, vector in self.rows(f"SELECT content_hash, embedding::text FROM embeddings_{number}")
            }
            true = vectors_of([body for _, body in passages], SPACES[key])
            for (hashed, body), vector in zip(passages, true, strict=True):
                if hashlib.sha256(body.encode()).digest() != bytes(hashed):
                    raise Violation(f"a passage does not have the hash of its text: {body[:60]!r}")
                if np.abs(found[bytes(hashed)] - vector).max() > 2e-3:
                    raise Violation(f"{key} holds another vector than that of the text {body[:60]!r}")
            self.committed = self.committed & set(found) if self.committed else set(found)
        for novel, text in self.texts.items():
            query = "SELECT char_start, char_end, body FROM novel_chunks WHERE novel_id = %s"
            [(stored_id,)] = self.rows("SELECT id FROM novels WHERE novel = %s", (novel,))
            for start, end, body in self.rows(query, (stored_id,)):
                if text[start:end] != body:
                    raise Violation(f"a passage of {novel} is not its text at {start}")

    def _check_asked_again(self) -> None:
        journal = self._journal()
        fresh, self.looked_at_journal = journal[self.looked_at_journal :], len(journal)
        before = getattr(self, "_committed_before", set())
        again = sum(bytes.fromhex(each) in before for row in fresh for each in row[3])
        if again and not self.dropped:
            raise Violation(f"{again} inputs that had been committed were asked for again")
        self.dropped.clear()
        self._committed_before = set(self.committed)

    def _check_spending(self) -> None:
        booked, uncertain = self.rows(
            "SELECT coalesce(sum(tokens), 0), coalesce(sum(uncertain_tokens), 0) FROM spending"
        )[0]
        counted = self.project.provider_stats()["tokens"]
        if booked > counted:
            raise Violation(f"{booked} tokens are booked and the provider counted {counted}")
        self.unbooked = counted - booked - uncertain

    def _check_left_over(self) -> None:
        claims = self.rows("SELECT count(*) FROM embedding_claims")[0][0]
        if claims:
            raise Violation(f"{claims} claims are left while nothing runs")
        pieces = [path for path in self.project.folder.rglob("*.new") if path.is_file()]
        if pieces:
            raise Violation(f"temporary files are left: {pieces[:3]}")
        for novel in self.removed - set(self.texts):
            found = httpx.get(f"{self.api}/api/embeddings/search", params={"q": "a ship", "novel": novel}, timeout=20)
            if found.status_code != 404:
                raise Violation(f"{novel} was removed and is answered with {found.status_code}")

    # --- searches beside it -------------------------------------------------------------------------------------

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Search twice a second while the block runs; what is not answered is noted, but for the time of a kill."""
        end = threading.Event()

        def work() -> None:
            while not end.wait(0.5):
                said = ""
                try:
                    answer = httpx.get(f"{self.api}/api/embeddings/search", params={"q": "winter lantern"}, timeout=15)
                    said = "" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:80]}"
                except httpx.HTTPError as fault:
                    said = type(fault).__name__
                if said and time.monotonic() > self.away_until:
                    self.faults.append(said)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(20)

    # --- helpers ------------------------------------------------------------------------------------------------

    def rows(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def _write(self, novel: str, text: str) -> None:
        beside = self.project.folder / "beside"
        beside.write_text(text)
        beside.rename(self.project.novels_folder / f"{novel}.txt")
        self.texts[novel] = text
        self.removed.discard(novel)

    def _any(self, chance: random.Random) -> str | None:
        return chance.choice(sorted(self.texts)) if self.texts else None

    def _signal(self, part: str, number: int) -> None:
        self.away_until = time.monotonic() + AWAY_SECONDS
        if part == "postgres" and self.server is not None:
            with suppress(psutil.Error):
                psutil.Process(self.server.pid or 0).send_signal(number)
            if number != signal.SIGCONT:
                time.sleep(1)
                self.server.start()
            return
        running = running_parts(self.settings)
        for each in running.parts if running else ():
            if each.name == part and each.state != "down":
                os.kill(each.pid, number)

    def _runs(self) -> list[psutil.Process]:
        running = running_parts(self.settings)
        found = []
        for each in running.parts if running else ():
            if each.name == "code server":
                with suppress(psutil.Error):
                    found = run_processes(psutil.Process(each.pid))
        return found

    def _at_work(self) -> list[str]:
        query = """query($statuses: [RunStatus!]) { runsOrError(filter: {statuses: $statuses}) {
          ... on Runs { results { runId } } } }"""
        return [run["runId"] for run in self.project.ask(query, statuses=AT_WORK)["runsOrError"]["results"]]

    def _spaces(self) -> dict[str, tuple[str, int]]:
        query = "SELECT key, state, id FROM embedding_spaces WHERE purpose = 'text' AND state <> 'retired'"
        return {key: (state, number) for key, state, number in self.rows(query)}

    def _command(self, *arguments: str) -> bool:
        program = Path(sys.executable).parent / "morpheus"
        done = subprocess.run(
            [program, *arguments], env=self.project.environment, capture_output=True, text=True, check=False
        )
        return done.returncode == 0

    def _journal(self) -> list[Any]:
        with urlopen(f"{self.project.provider}/__journal", timeout=20) as answer:
            return list(json.load(answer))


WEIGHTS = {
    "add": 5, "edit": 4, "rename": 1, "remove": 1, "kill": 4, "kill_run": 2, "stop": 1, "restart_postgres": 1,
    "recycle_backends": 1, "cancel_runs": 1, "switch": 1, "drop_space": 1, "backfill": 1, "wait": 4,
}  # fmt: skip


def schedule(seed: int, minutes: float) -> list[Step]:
    """What a seed does; an action has its own number, so that it does the same when others are left out."""
    chance = random.Random(seed)
    steps = max(QUIET_EVERY, int(minutes * 6))
    names = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps)
    return [("add", chance.randrange(10**9)), *((name, chance.randrange(10**9)) for name in names)]


def run(steps: list[Step], seed: int, minutes: float, *, pooled: bool, say: Callable[[str], None]) -> str | None:
    """Do all steps, with a quiet point after every sixth and at the end; the violation, or None."""
    with ExitStack() as stack:
        variables = {"MORPHEUS_TEXT_SPACES": TEXT_SPACES, "MORPHEUS_INPUTS_PER_REQUEST": "8"}
        server = None
        if pooled:
            server, variables["MORPHEUS_DATABASE_URL"], variables["MORPHEUS_DIRECT_DATABASE_URL"] = _pooled(stack)
        options = f"{FAULTS},seed={seed},journal=1"
        project = stack.enter_context(running_project(latency_ms=100, options=options, **variables))
        url = server.url(driver="postgresql") if server is not None else project.database_url()
        soak = Soak(project, url, server)
        deadline = time.monotonic() + minutes * 60
        try:
            with soak.searching():
                soak.away_until = time.monotonic() + AWAY_SECONDS
                for number, (name, own) in enumerate(steps, 1):
                    if time.monotonic() > deadline:
                        break
                    say(f"{time.strftime('%H:%M:%S')} {name}")
                    with suppress(psycopg.Error):
                        # what looks at a database that was just ended does nothing
                        getattr(soak, name)(random.Random(own))
                    time.sleep(random.Random(own).uniform(0.5, 4))
                    if number % QUIET_EVERY == 0:
                        soak.quiet()
                        say(f"{time.strftime('%H:%M:%S')} quiet; {len(soak.texts)} novels, {soak.unbooked} unbooked")
                soak.quiet()
        except Violation as fault:
            return str(fault)
        return None


def shrink(steps: list[Step], fails: Callable[[list[Step]], bool], most_runs: int) -> list[Step]:
    """The shortest schedule found within so many runs that still shows a violation: halves, then single steps."""
    size, runs = len(steps) // 2, 0
    while size and runs < most_runs:
        for start in range(0, len(steps), size):
            shorter = steps[:start] + steps[start + size :]
            if not shorter or runs >= most_runs:
                break
            runs += 1
            if fails(shorter):
                steps = shorter
                break
        else:
            size //= 2
    return steps


def _pooled(stack: ExitStack) -> tuple[EmbeddedPostgres, str, str]:
    import shutil

    from morpheus_assets_tests.fixtures.pgbouncer import PgBouncer

    folder = Path(tempfile.mkdtemp(prefix="mps"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    stack.callback(server.stop)
    server.ensure_databases()
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise SystemExit("There is no pgbouncer on this machine.")
    place = Path(tempfile.mkdtemp(prefix="mpp"))
    pooler = PgBouncer(program, place, server.url(), "transaction")
    pooler.start()
    stack.callback(pooler.stop)
    return server, pooler.url(server.url()), server.url()


def main() -> int:
    """Print the violation, or that there was none; the exit code is 1 or 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pooled", action="store_true")
    parser.add_argument("--shrink", type=int, default=0, metavar="RUNS")
    arguments = parser.parse_args()
    steps = schedule(arguments.seed, arguments.minutes)

    def attempt(some: list[Step]) -> str | None:
        return run(
            some, arguments.seed, arguments.minutes, pooled=arguments.pooled, say=lambda line: print(line, flush=True)
        )

    violation = attempt(steps)
    if violation is None:
        print(f"seed {arguments.seed}: no violation")
        return 0
    print(f"seed {arguments.seed}: {violation}")
    if arguments.shrink:
        steps = shrink(steps, lambda some: attempt(some) is not None, arguments.shrink)
    print("schedule:", " ".join(f"{name}:{own}" for name, own in steps))
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
