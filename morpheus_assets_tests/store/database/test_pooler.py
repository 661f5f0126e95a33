"""The store through a real PgBouncer: nothing hangs on a session of the server."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Engine

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.database.engine import open_engine, shares_sessions
from morpheus_assets.store.database.errors import DatabaseUnusable
from morpheus_assets.store.database.migrations import migrate, sql_folder
from morpheus_assets.store.database.server_checks import check_start
from morpheus_assets.store.search.nearest import nearest_approximate, nearest_exact
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.indexes import ensure_index
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.pgbouncer import PgBouncer, pgbouncer, pgbouncer_program  # noqa: F401

both_modes = pytest.mark.parametrize("pgbouncer", ["transaction", "session"], indirect=True)


@pytest.fixture
def pooled(pgbouncer: PgBouncer, database_url: str) -> Iterator[Engine]:  # noqa: F811
    """An engine through the pooler, over a fresh database with the current schema."""
    opened = open_engine(pgbouncer.url(database_url))
    yield opened
    opened.dispose()


@both_modes
def test_a_pooler_that_shares_sessions_is_told_from_one_that_does_not(pooled, pgbouncer, engine) -> None:  # noqa: F811
    assert shares_sessions(pooled) == (pgbouncer.mode == "transaction")
    assert not shares_sessions(engine)


@both_modes
def test_many_processes_migrate_through_a_pooler_and_each_file_is_applied_once(
    pgbouncer: PgBouncer,  # noqa: F811
    empty_database_url: str,
) -> None:
    done: list[str] = []

    def run() -> None:
        engine = open_engine(pgbouncer.url(empty_database_url))
        done.extend(migrate(engine))
        engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [path.name for path in sorted(sql_folder().glob("*.sql"))]


@both_modes
def test_two_sessions_share_a_novel_through_a_pooler_that_recycles_its_connections(
    pooled: Engine, make_space, add_novel, random_vectors
) -> None:
    hashes = add_novel("one", [f"p{i} " for i in range(300)])
    space = spaces.register_space(pooled, make_space())
    paid: list[bytes] = []
    faults: list[BaseException] = []

    def embed() -> None:
        try:
            with open_claims(pooled, space, "one") as session:
                while True:
                    batch: list[bytes] = []
                    for row in session.missing():
                        batch.append(row.content_hash)
                        paid.append(row.content_hash)
                        if len(batch) == 20:
                            # longer in all than a connection of the pooler lives
                            time.sleep(0.3)
                            vectors.write_batch(pooled, space, batch, random_vectors(len(batch)))
                            batch = []
                    vectors.write_batch(pooled, space, batch, random_vectors(len(batch)))
                    if not session.wait_for_others(poll_seconds=0.05):
                        break
                assert coverage(pooled, space, ["one"]).whole
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=embed) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(paid) == len(set(paid)) == len(hashes)


CLAIM_AND_HANG = """
import sys, time
from morpheus_assets.store.database import leases
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces import spaces
if sys.argv[2] == "elsewhere":
    # a lease of its own kind, so that its end need not be waited for a minute
    leases._machine, leases.LEASE_SECONDS = (lambda: "another machine"), 5
engine = open_engine(sys.argv[1])
with open_claims(engine, spaces.get_space(engine, "demo-8"), "one") as session:
    print(len(list(session.missing())), flush=True)
    time.sleep(200)
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_the_claims_of_a_killed_process_are_free_behind_a_pooler(
    pooled: Engine, make_space, add_novel, where: str
) -> None:
    add_novel("one", [f"p{i} " for i in range(5)])
    space = spaces.register_space(pooled, make_space())
    address = pooled.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIM_AND_HANG, address, where], stdout=subprocess.PIPE, cwd=PROJECT_FOLDER
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"5"
    with open_claims(pooled, space, "one") as session:
        assert list(session.missing()) == []
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        killed = time.monotonic()
        assert session.wait_for_others(poll_seconds=0.1)
        assert time.monotonic() - killed < 50, "and not after the minute of an ordinary lease"
        assert len(list(session.missing())) == 5


@both_modes
@pytest.mark.parametrize("direct", [False, True])
def test_an_index_is_built_and_rebuilt_and_leaves_no_setting_behind(
    pgbouncer: PgBouncer,  # noqa: F811
    database_url: str,
    make_space,
    direct: bool,
) -> None:
    engine = open_engine(pgbouncer.url(database_url), direct_url=database_url if direct else None, pool_size=1)
    space = spaces.register_space(engine, make_space())
    chance = np.random.default_rng(3)
    hashes = [number.to_bytes(32, "big") for number in range(1500)]
    vectors.write_batch(engine, space, hashes, chance.normal(size=(1500, 8)).astype(np.float32))
    assert ensure_index(engine, space, smallest=1000).action == "built"
    spaces.activate_first(engine, space.key)
    space = spaces.get_space(engine, space.key)
    assert ensure_index(engine, space, rebuild=True).action == "rebuilt"
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SHOW maintenance_work_mem").scalar_one() == "256MB"
        raw = connection.connection.driver_connection
        probe = str(list(map(float, chance.normal(size=8))))
        exact = [value for value, _ in nearest_exact(raw, space, probe, 5)]
        found = [value for value, _ in nearest_approximate(raw, space, probe, 5)]
    assert len(set(exact) & set(found)) >= 4
    engine.dispose()


@pytest.mark.parametrize("pgbouncer", ["statement"], indirect=True)
def test_a_pooler_that_gives_a_session_for_a_statement_only_is_refused_at_the_start(
    pooled: Engine,
    fault_row: FaultRow,
) -> None:
    with pytest.raises(DatabaseUnusable, match="pool_mode") as caught:
        check_start(pooled)
    fault_row("PgBouncer in statement mode", sentence=caught.value)
