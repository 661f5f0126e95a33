import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from morpheus_assets.services.running_parts import running_parts
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.embedded import running_url
from morpheus_assets_tests.fixtures.checkout import MORPHEUS, Checkout, checkout, warnings_in
from morpheus_assets_tests.fixtures.deployment import story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.ports import free_port

__all__ = ["checkout"]

pytestmark = pytest.mark.slow(80)


class Running:
    """A `morpheus up` in a fresh checkout, with ports of its own."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.folder = checkout.folder
        self.data = self.folder / ".morpheus"
        self.output = self.data / "said"
        self.process: subprocess.Popen[bytes] | None = None
        checkout.environment |= {"MORPHEUS_UI_PORT": str(free_port()), "MORPHEUS_API_PORT": str(free_port())}
        self.environment = checkout.environment

    def start(self) -> None:
        self.data.mkdir(mode=0o711, exist_ok=True)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [MORPHEUS, "up"], env=self.environment, cwd=self.folder, stdout=output, stderr=output
            )
        self.wait_for(lambda: "Morpheus Assets is running" in self.said(), "the banner")

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def search(self, *arguments: str) -> list[dict]:
        done = self.checkout.morpheus("search", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def loads_a_model_to_search(self, text: str) -> bool:
        """Whether the command loads torch itself, rather than ask the API that has its model at hand."""
        code = (
            "import sys; from morpheus_assets.cli.main import main;"
            f"main(['search', {text!r}], standalone_mode=False); print('torch' in sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()[-1] == "True"

    def wait_for(
        self, condition, what: str, seconds: float = 600, *, every: float = 0.5, or_its_end: bool = False
    ) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process is not None
            if self.process.poll() is not None and or_its_end:
                return
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, f"{what} did not come; so far: {self.said()}"
            time.sleep(every)

    @property
    def settings(self) -> Settings:
        return Settings(_env_file=None, data_folder=self.data)

    def pid_of(self, part: str) -> int | None:
        """The process of a part as `up` has noted it; None when `up` has ended."""
        running = running_parts(self.settings)
        return next((each.pid for each in running.parts if each.name == part), None) if running else None

    def kill_part(self, part: str) -> int:
        """kill -9 of a part; returns the number that its process had."""
        pid = self.pid_of(part)
        assert pid is not None, self.said()
        os.kill(pid, signal.SIGKILL)
        return pid

    def readyz(self) -> dict[str, str]:
        """The parts and their states, without what is not configured and the models of the API."""
        address = f"http://127.0.0.1:{self.environment['MORPHEUS_API_PORT']}/readyz"
        try:
            parts = httpx.get(address, timeout=60, trust_env=False, verify=False).json()["parts"]
        except httpx.HTTPError:
            return {"api": "down"}
        return {name: state for name, state in parts.items() if state != "not configured" and name != "models"}

    def finds(self, question: str, **parameters: str) -> bool:
        """Whether the API finds anything by meaning; a command for every look would be most of the test."""
        address = f"http://127.0.0.1:{self.environment['MORPHEUS_API_PORT']}/api/embeddings/search"
        asked = {"q": question, "mode": "vector", **parameters}
        try:
            answer = httpx.get(address, params=asked, timeout=60, trust_env=False, verify=False)
        except httpx.HTTPError:
            return False
        return answer.is_success and bool(answer.json()["passages"] or answer.json()["panels"])

    def stored(self, novel: str) -> int:
        """How many chunks of a novel are stored."""
        url = running_url(self.data, driver="postgresql")
        if url is None:
            return 0
        query = "SELECT count(*) FROM chunks c JOIN novels n ON n.id = c.novel_id WHERE n.novel = %s"
        with psycopg.connect(url) as connection:
            return connection.execute(query, (novel,)).fetchall()[0][0]

    def connections(self, *, seconds: float = 600, until: Callable[[], bool] = lambda: False) -> list[int]:
        """How many connections were open at each look, twenty times a second."""
        url = running_url(self.data, "postgres", driver="postgresql")
        assert url is not None
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname <> current_database()"
        deadline, found = time.monotonic() + seconds, []
        with psycopg.connect(url, autocommit=True) as connection:
            while time.monotonic() < deadline and not until():
                found.append(connection.execute(query).fetchall()[0][0])
                time.sleep(0.05)
        return found

    def kill(self) -> None:
        """kill -9 of `up` itself."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """Everything that works in this deployment's data folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if str(self.data) in " ".join(process.cmdline()) or Path(process.cwd()).is_relative_to(self.folder):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(300)
        for process in self.processes():
            process.kill()


@pytest.fixture
def running(checkout: Checkout) -> Iterator[Running]:
    deployment = Running(checkout)
    yield deployment
    deployment.stop()


def test_a_deployment_from_its_first_start_through_deaths_of_its_parts_to_its_end(
    running: Running, fault_row: FaultRow
):
    """One deployment for all that needs one: each takes half a minute of two cores to start.

    That an interrupt ends all of it in order is shown at the end of the soak.
    """
    running.environment["MORPHEUS_CHUNKTOKENS"] = "hunter2"
    running.start()
    it_adds_nothing_at_the_top_but_its_folder_the_content_and_dotenv(running)
    running.wait_for(lambda: running.finds("who keeps the lamp burning"), "the sample story")
    running.wait_for(lambda: running.finds("a cat", kind="panels", mode="hybrid"), "the sample panels")
    [panel] = running.search("--panels", "a sleeping orange cat in the desert", "--count", "1")
    assert panel["similarity"] > 0.5
    a_second_start_leaves_the_first_alone(running)
    at_rest_no_more_than_eight_connections_are_open(running)
    a_dropped_novel_is_found_although_postgres_is_killed_meanwhile(running, fault_row)
    parts_that_are_killed_are_back_and_readyz_is_true_all_the_time(running, fault_row)
    what_is_left_of_one_that_was_killed_is_ended_by_the_next_start(running, fault_row)
    a_backup_is_written_while_it_runs_and_is_not_restored_under_it(running)
    three_deaths_within_a_minute_end_everything(running, fault_row)
    nothing_is_left_at_the_top_but_its_folder_and_the_content(running)


def it_adds_nothing_at_the_top_but_its_folder_the_content_and_dotenv(running: Running) -> None:
    assert running.checkout.added() == {".morpheus", "content", ".env"}
    assert f"DAGSTER_HOME={running.data / 'dagster'}\n" in (running.folder / ".env").read_text()


def nothing_is_left_at_the_top_but_its_folder_and_the_content(running: Running) -> None:
    assert running.checkout.added() == {".morpheus", "content"}
    assert list((running.data / "dagster" / "storage").rglob("*.out")), "no output was kept"
    logs = [running.output, *running.data.glob("*.log")]
    said = "\n".join(each.read_text(encoding="utf-8", errors="replace") for each in logs)
    assert len(warnings_in(said)) == 1, "one typo, one warning, however many processes"


def a_backup_is_written_while_it_runs_and_is_not_restored_under_it(running: Running) -> None:
    file = running.data / "backup.morpheus"
    done = running.checkout.morpheus("backup", str(file))
    assert (done.returncode, done.stdout.startswith(f"{file}: ")) == (0, True), done.stderr
    done = running.checkout.morpheus("restore", str(file), "--overwrite", "--yes")
    assert done.returncode == 1
    assert "stop it with Ctrl-C" in done.stderr


def a_second_start_leaves_the_first_alone(running: Running) -> None:
    parts = ("postgres", "code server", "daemon", "webserver", "api")
    before = {part: running.pid_of(part) for part in parts}
    done = running.checkout.morpheus("up")
    assert done.returncode == 1
    assert "already runs" in done.stderr
    assert before == {part: running.pid_of(part) for part in parts}
    assert all(psutil.pid_exists(pid) for pid in before.values() if pid is not None)
    assert None not in before.values()


def at_rest_no_more_than_eight_connections_are_open(running: Running) -> None:
    def resting() -> bool:
        counts = sorted(running.connections(seconds=8))
        return counts[len(counts) * 95 // 100] <= 8

    # the runs over what has just arrived come first, those of insight too
    running.wait_for(resting, "a rest with at most eight connections")


def a_dropped_novel_is_found_although_postgres_is_killed_meanwhile(running: Running, fault_row: FaultRow) -> None:
    novel = running.folder / "content" / "novels" / "harbour.txt"
    last = "CHAPTER 7. The Wreck\n\nAt dawn the drowned captain was found lashed to the wheel of his ship.\n"
    novel.write_text(story(chapters=6, seed=3) + last)
    counts = running.connections(until=lambda: running.stored("harbour") > 0)
    assert max(counts) <= 20, "MORPHEUS_MAX_CONNECTIONS"
    running.kill_part("postgres")
    killed = time.monotonic()
    running.wait_for(lambda: running.finds("a dead captain", novel="harbour"), "the dropped novel")
    [hit] = running.search("a dead captain", "--novel", "harbour", "--count", "1")
    assert "lashed to the wheel" in hit["body"]
    assert hit["chapter_title"].startswith("CHAPTER 7")
    assert hit["similarity"] > 0.4
    assert not running.loads_a_model_to_search("a dead captain")
    said = "The embedded Postgres has ended; it is started again."
    assert said in running.said()
    seconds = time.monotonic() - killed
    fault_row("kill -9 of Postgres under `up` in an ingest", sentence=said, seconds=seconds)


def parts_that_are_killed_are_back_and_readyz_is_true_all_the_time(running: Running, fault_row: FaultRow) -> None:
    running.wait_for(lambda: set(running.readyz().values()) == {"ok"}, "all parts")
    names = {"code server": "code server", "webserver": "dagster", "daemon": "daemon"}
    killed = {name: running.kill_part(name) for name in names}
    began = time.monotonic()
    back: dict[str, float] = {}
    while set((said := running.readyz()).values()) != {"ok"}:
        for name, called in names.items():
            dead = running.pid_of(name) == killed[name]
            assert not (dead and said[called] == "ok"), f"{name} is dead, and /readyz says {said}"
            if said[called] == "ok":
                back.setdefault(name, time.monotonic() - began)
        assert time.monotonic() - began < 300, running.said()
        time.sleep(0.2)
    for name in names:
        sentence = f"The Dagster {name} was killed (SIGKILL); it is started again."
        assert running.said().count(sentence) == 1
        seconds = back.get(name, time.monotonic() - began)
        fault_row(f"kill -9 of the {name} under `up`, with two others", sentence=sentence, seconds=seconds)


def what_is_left_of_one_that_was_killed_is_ended_by_the_next_start(running: Running, fault_row: FaultRow) -> None:
    running.kill()
    killed = time.monotonic()
    running.start()
    seconds = time.monotonic() - killed
    [said] = [line for line in running.said().splitlines() if "left behind" in line]
    hits = running.search("a dead captain", "--novel", "harbour")
    assert hits != []
    fault_row("kill -9 of `up` itself, and a start at once", sentence=said, seconds=seconds)


def three_deaths_within_a_minute_end_everything(running: Running, fault_row: FaultRow) -> None:
    assert running.process is not None
    for _ in range(3):
        killed = running.kill_part("api")
        running.wait_for(
            lambda killed=killed: running.pid_of("api") != killed, "another API", or_its_end=True, every=0.1
        )
    assert running.process.wait(300) == 1
    said = running.said().splitlines()[-1]
    assert "The API ended 3 times within a minute" in said
    assert running.processes() == []
    fault_row("kill -9 of the API three times within a minute", sentence=said)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MORPHEUS_TEXT_SPACES", "openai/text-embedding-9", "text-embedding-3-large"),
        ("MORPHEUS_IMAGE_SPACES", "open_clip/local:/nowhere", "/nowhere"),
        ("MORPHEUS_CHUNK_TOKENS", "400", "400"),
        ("MORPHEUS_REQUESTS_IN_FLIGHT", "none", "MORPHEUS_REQUESTS_IN_FLIGHT"),
        ("MORPHEUS_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/morpheus", "No Postgres answers"),
    ],
)
def test_what_cannot_work_is_one_sentence_before_anything_starts(
    running: Running, variable: str, value: str, said: str
):
    done = subprocess.run(
        [MORPHEUS, "up"],
        env={**running.environment, variable: value}, cwd=running.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    assert running.processes() == []
