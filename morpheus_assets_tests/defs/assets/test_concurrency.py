"""Several runs over the same and over overlapping novels, with readers and a switch of spaces all the while."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from morpheus_assets.store.search.hits import search_text
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.defs.assets.ingest_process import start_ingest, warm_up
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, story
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

pytestmark = pytest.mark.slow

TWO_SPACES = "openai/text-embedding-3-small@256, openai/text-embedding-3-small@512"
KEYS = ("openai-text-embedding-3-small-256", "openai-text-embedding-3-small-512")
STALE = """
SELECT n.novel, c.ordinal FROM novel_chunks c JOIN novels n ON n.id = c.novel_id
WHERE n.chunks_of = n.source_digest AND substr(n.body, c.char_start + 1, c.char_end - c.char_start) <> c.body
"""
TWICE = "SELECT novel_id, char_start FROM novel_chunks GROUP BY 1, 2 HAVING count(*) > 1"


class Background:
    """Work repeated in threads until the block ends; what it raises is kept."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.faults: list[BaseException] = []
        self.rounds = 0

    @contextmanager
    def running(self, *works: Callable[[], None]) -> Iterator["Background"]:
        threads = [threading.Thread(target=self._repeat, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self.over.is_set():
            try:
                work()
            except BaseException as fault:
                self.faults.append(fault)
                return
            self.rounds += 1


def reader(engine: Engine) -> Callable[[], None]:
    """Reads as a search does, and looks for chunks of another text than the stored one."""

    def read() -> None:
        with engine.connect() as connection:
            assert connection.exec_driver_sql(STALE).all() == []
            assert connection.exec_driver_sql(TWICE).all() == []
        row = spaces.active_space(engine, "text")
        if row is not None:
            vector = vectors_of(["winter lantern harbour"], row.dimensions)[0]
            hits = search_text(engine, vector, "winter lantern", space=row, k=5)
            places = [(hit.novel, hit.ordinal) for hit in hits]
            assert len(places) == len(set(places))
        time.sleep(0.05)

    return read


def switcher(engine: Engine) -> Callable[[], None]:
    """Lets the other space answer, again and again."""
    turn = [0]

    def switch() -> None:
        time.sleep(0.1)
        if {row.key for row in spaces.list_spaces(engine, "text")} == set(KEYS):
            turn[0] += 1
            spaces.activate(engine, KEYS[turn[0] % 2], previous_becomes="ready", allow_gaps=True)

    return switch


def test_many_runs_readers_and_switches_at_a_time_pay_once_and_mix_nothing(deployment: Deployment, tmp_path: Path):
    shared = story(chapters=8, paragraphs=6, seed=3)
    deployment.drop("anna.txt", shared)
    deployment.drop("emma.txt", shared + "\n\n" + story(chapters=4, seed=4).replace("CHAPTER ", "CHAPTER 1"))
    url = deployment.server.base_url(latency_ms=40)
    database = deployment.settings.database_url
    assert database is not None
    warm_up()
    with Background().running(
        reader(deployment.engine), reader(deployment.engine), switcher(deployment.engine)
    ) as seen:
        runs = [
            start_ingest(
                tmp_path,
                database.get_secret_value(),
                url,
                novels,
                home=f"home{number}",
                keeps_runs=False,
                MORPHEUS_TEXT_SPACES=TWO_SPACES,
            )
            for number, novels in enumerate((["anna"], ["anna"], ["emma"], ["emma", "anna"]))
        ]
        for run in runs:
            run.join(600)
    logs = [(tmp_path / f"home{number}.log").read_text()[-1500:] for number in range(4)]
    assert [run.exitcode for run in runs] == [0] * 4, logs
    assert seen.faults == []
    assert seen.rounds > 20

    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
    for number in (1, 2):
        assert deployment.rows(f"SELECT count(*) FROM embeddings_{number}") == [(needed,)]
    # Each space asks once; the server knows the words, not the size that was asked for.
    assert deployment.server.stats(url)["inputs"] == 2 * needed
    assert deployment.rows("SELECT sum(inputs) FROM spending") == [(2 * needed,)]
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert deployment.rows(deadlocks) == [(0,)]


def test_a_file_that_changes_while_it_is_ingested_ends_as_its_last_text(deployment: Deployment, tmp_path: Path):
    database = deployment.settings.database_url
    assert database is not None
    url = deployment.server.base_url(latency_ms=20)
    with Background().running(reader(deployment.engine)) as seen:
        runs = []
        for number in range(4):
            deployment.drop("emma.txt", story(chapters=6 + number, seed=number))
            address = database.get_secret_value()
            runs.append(start_ingest(tmp_path, address, url, ["emma"], home=f"home{number}", keeps_runs=False))
            time.sleep(0.4)
        for run in runs:
            run.join(600)
    assert seen.faults == []
    # A run that was overtaken says so and stores nothing; the last one is never overtaken.
    assert {run.exitcode for run in runs[:-1]} <= {0, 1}
    assert runs[-1].exitcode == 0, (tmp_path / "home3.log").read_text()[-3000:]
    for run, number in zip(runs, range(4), strict=True):
        if run.exitcode == 1:
            assert "was read anew" in (tmp_path / f"home{number}.log").read_text()
    again = deployment.ingest("emma")
    assert again.success, failure_of(again)
    assert deployment.rows("SELECT count(*) FROM chapters") == [(9,)]
    assert deployment.rows("SELECT position('CHAPTER 9' in body) > 0 FROM novels") == [(True,)]
    assert deployment.rows(STALE) == []
