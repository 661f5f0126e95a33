"""kill -9 at seeded random points of a run; bench/process_kills.py kills the processes of a whole deployment."""

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets_tests.defs.assets.ingest_process import start_ingest, warm_up
from morpheus_assets_tests.fixtures.deployment import story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow

ROWS = {
    "novels": "SELECT novel, body, source_digest, chapters_of, chunks_of FROM novels ORDER BY 1",
    "chapters": "SELECT n.novel, c.ordinal, c.title, c.char_start, c.char_end FROM chapters c"
    " JOIN novels n ON n.id = c.novel_id ORDER BY 1, 2",
    "chunks": "SELECT n.novel, c.ordinal, c.chapter, c.content_hash, c.body, c.tsv::text FROM novel_chunks c"
    " JOIN novels n ON n.id = c.novel_id ORDER BY 1, 2",
    "vectors": "SELECT content_hash, embedding::text FROM embeddings_1 ORDER BY 1",
    "refused": "SELECT content_hash, reason FROM refused_inputs ORDER BY 1",
}


class Crashes:
    """A throwaway server, content folder and database, to be killed at will."""

    def __init__(self, folder: Path, server: EmbeddedPostgres, provider: ProviderServer) -> None:
        self.folder = folder
        self.server = server
        self.provider = provider
        self.novels = ["anna", "emma"]
        (folder / "content" / "novels").mkdir(parents=True)
        (folder / "content" / "panels").mkdir()
        for number, novel in enumerate(self.novels):
            text = story(chapters=12, paragraphs=8, seed=number)
            (folder / "content" / "novels" / f"{novel}.txt").write_text(text)

    def fresh(self, name: str) -> Engine:
        """A new, empty database with the schema."""
        engine = open_engine(self.server.url("postgres"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        made = open_engine(self.server.url(name))
        migrate(made)
        return made

    def start(self, name: str, base_url: str, home: str) -> BaseProcess:
        """An ingest of all novels into that database, two requests at a time."""
        variables = {"MORPHEUS_REQUESTS_IN_FLIGHT": "2"}
        return start_ingest(
            self.folder, self.server.url(name), base_url, self.novels, home=home, keeps_runs=False, **variables
        )

    def rows(self, engine: Engine) -> dict[str, list[tuple]]:
        with engine.connect() as connection:
            return {kind: [tuple(row) for row in connection.exec_driver_sql(query)] for kind, query in ROWS.items()}

    def committed(self, engine: Engine) -> int:
        """How many vectors are stored."""
        with engine.connect() as connection:
            if not connection.exec_driver_sql("SELECT to_regclass('embeddings_1') IS NOT NULL").scalar_one():
                return 0
            return connection.exec_driver_sql("SELECT count(*) FROM embeddings_1").scalar_one()

    def kill_server(self) -> None:
        """kill -9 of the server's first process; its children end with it."""
        data = self.server.data_folder / "pgdata"
        number = int((data / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(number)
        children = process.children(recursive=True)
        process.kill()
        psutil.wait_procs([process, *children], timeout=100)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="mpc"))
    folder.chmod(0o711)
    made = EmbeddedPostgres(folder / "pg")
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def crashes(server: EmbeddedPostgres, tmp_path: Path, provider_server: ProviderServer) -> Crashes:
    return Crashes(tmp_path, server, provider_server)


def test_a_step_killed_at_random_points_ends_with_the_rows_of_an_undisturbed_run(crashes: Crashes, fault_row: FaultRow):
    undisturbed = crashes.fresh("undisturbed")
    warm_up()
    started = time.monotonic()
    process = crashes.start("undisturbed", crashes.provider.base_url(latency_ms=60), "first")
    process.join(600)
    assert process.exitcode == 0, (crashes.folder / "first.log").read_text()[-3000:]
    seconds = time.monotonic() - started
    expected = crashes.rows(undisturbed)
    needed = len(expected["vectors"])
    undisturbed.dispose()

    chance = random.Random(7)
    disturbed = crashes.fresh("disturbed")
    url = crashes.provider.base_url(latency_ms=60)
    for point in range(3):
        process = crashes.start("disturbed", url, f"home{point}")
        time.sleep(chance.uniform(0.35, 1.0) * seconds)
        process.kill()
        process.join()
        # What the provider was still answering has arrived at nobody.
        time.sleep(0.2)
    kept, sent = crashes.committed(disturbed), crashes.provider.at_rest(url)["inputs"]
    process = crashes.start("disturbed", url, "last")
    process.join(600)
    assert process.exitcode == 0, (crashes.folder / "last.log").read_text()[-3000:]
    assert crashes.provider.stats(url)["inputs"] - sent == needed - kept
    found = crashes.rows(disturbed)
    assert found == expected
    fault_row(
        "kill -9 of the process of an ingest, three times at points drawn from a seed",
        lost=needed - len(found["vectors"]),
        paid_twice=crashes.provider.stats(url)["inputs"] - sent - (needed - kept),
        wrong=sum(row not in expected["vectors"] for row in found["vectors"]),
    )
    disturbed.dispose()


def test_a_run_goes_on_when_postgres_is_killed_and_started_again_under_it(crashes: Crashes, fault_row: FaultRow):
    engine = crashes.fresh("killed")
    url = crashes.provider.base_url(latency_ms=300)
    process = crashes.start("killed", url, "killed")
    eventually(lambda: crashes.committed(engine) >= 24 or not process.is_alive(), 600, every=0.02)
    kept = crashes.committed(engine)
    engine.dispose()
    killed = time.monotonic()
    crashes.kill_server()
    assert process.is_alive(), (crashes.folder / "killed.log").read_text()[-3000:]
    time.sleep(1)
    crashes.server.start()
    process.join(600)
    assert process.exitcode == 0, (crashes.folder / "killed.log").read_text()[-3000:]
    with engine.connect() as connection:
        chunks = connection.exec_driver_sql("SELECT count(DISTINCT content_hash) FROM chunks").scalar_one()
    assert 24 <= kept < chunks == crashes.committed(engine)
    assert crashes.provider.stats(url)["repeated_inputs"] == 0
    assert crashes.provider.stats(url)["inputs"] == chunks
    fault_row(
        "kill -9 of Postgres under a run, back after a second",
        lost=chunks - crashes.committed(engine),
        paid_twice=crashes.provider.stats(url)["repeated_inputs"],
        seconds=time.monotonic() - killed,
    )
    engine.dispose()
