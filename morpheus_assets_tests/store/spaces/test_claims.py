import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from morpheus_assets.store.spaces import refusals, spaces, vectors
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import coverage


def test_two_sessions_share_a_novel_and_pay_for_each_hash_once(engine, make_space, add_novel, random_vectors) -> None:
    hashes = add_novel("one", [f"p{i} " for i in range(1500)])
    add_novel("two", [f"p{i} " for i in range(700)])
    space = spaces.register_space(engine, make_space())
    paid: list[bytes] = []
    faults: list[BaseException] = []

    def embed(novels: list[str]) -> None:
        try:
            with open_claims(engine, space, novels) as session:
                while True:
                    batch: list[bytes] = []
                    for row in session.missing():
                        batch.append(row.content_hash)
                        paid.append(row.content_hash)
                        if len(batch) == 50:
                            vectors.write_batch(engine, space, batch, random_vectors(len(batch)))
                            batch = []
                    vectors.write_batch(engine, space, batch, random_vectors(len(batch)))
                    if not session.wait_for_others(poll_seconds=0.01):
                        break
                # whoever returns may rely on its novels being whole
                assert coverage(engine, space, novels).whole
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=embed, args=[n]) for n in (["one"], ["one"], ["two"], ["two", "one"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(paid) == len(set(paid)) == len(hashes)


def test_a_second_session_waits_for_what_the_first_is_embedding(engine, make_space, add_novel, random_vectors) -> None:
    [value] = add_novel("one", ["only "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as first, open_claims(engine, space, "one") as second:
        assert [row.content_hash for row in first.missing()] == [value]
        assert list(second.missing()) == []
        assert second.contended == 1
        writer = threading.Timer(0.3, lambda: vectors.write_batch(engine, space, [value], random_vectors(1)))
        writer.start()
        assert not second.wait_for_others(poll_seconds=0.01)
        writer.join()
        assert vectors.vector_summary(engine, space).rows == 1


def test_what_a_session_gave_up_is_embedded_by_the_one_that_waits(engine, make_space, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as second:
        with open_claims(engine, space, "one") as first:
            assert len(list(first.missing())) == 2
            assert list(second.missing()) == []
            refusals.record_refusals(engine, space, [(hashes[0], "no")])
        assert second.wait_for_others(poll_seconds=0.01)
        assert [row.content_hash for row in second.missing()] == [hashes[1]]


CLAIM_AND_HANG = """
import sys, time
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces import spaces
engine = open_engine(sys.argv[1])
with open_claims(engine, spaces.get_space(engine, "demo-8"), "one") as session:
    print(len(list(session.missing())), flush=True)
    time.sleep(60)
"""


def test_the_claims_of_a_killed_process_are_free_at_once(engine, database_url, make_space, add_novel) -> None:
    add_novel("one", [f"p{i} " for i in range(5)])
    space = spaces.register_space(engine, make_space())
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIM_AND_HANG, database_url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"5"
    with open_claims(engine, space, "one") as session:
        assert list(session.missing()) == []
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        started = time.monotonic()
        assert session.wait_for_others(poll_seconds=0.05)
        assert time.monotonic() - started < 5
        assert len(list(session.missing())) == 5


def test_leaving_with_an_error_leaves_no_claim(engine, make_space, add_novel) -> None:
    add_novel("one", ["a "])
    space = spaces.register_space(engine, make_space())
    with pytest.raises(RuntimeError), open_claims(engine, space, "one") as session:  # noqa: PT012
        next(iter(session.missing()))
        raise RuntimeError("the provider broke")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM embedding_claims").scalar_one() == 0
        # of this database alone: a backend of another test's killed process may still be on its way out
        own = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE datname = current_database()"
        assert connection.exec_driver_sql(f"{own} AND locktype = 'advisory'").scalar_one() == 0


def test_a_second_pass_offers_again_what_was_neither_stored_nor_refused(engine, make_space, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as session:
        assert len(list(session.missing())) == 2
        vectors.write_batch(engine, space, hashes[:1], np.ones((1, 8), dtype=np.float32))
        assert [row.content_hash for row in session.missing()] == hashes[1:]


def test_a_claim_in_one_space_holds_nobody_up_in_another(engine, make_space, add_novel) -> None:
    [value] = add_novel("one", ["only "])
    first, second = (spaces.register_space(engine, make_space(key)) for key in ("first", "second"))
    with open_claims(engine, first, "one") as waiting, open_claims(engine, second, "one") as elsewhere:
        with open_claims(engine, first, "one") as owner:
            assert [len(list(each.missing())) for each in (owner, waiting, elsewhere)] == [1, 0, 1]
        started = time.monotonic()
        assert waiting.wait_for_others(timeout_seconds=20, poll_seconds=0.01)
        assert time.monotonic() - started < 10
        assert [row.content_hash for row in waiting.missing()] == [value]
        assert list(elsewhere.missing()), "its own claim is its own"


def test_what_nobody_needs_any_more_is_not_waited_for(engine, make_space, add_novel) -> None:
    add_novel("one", ["only "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as owner, open_claims(engine, space, "one") as waiting:
        assert [len(list(each.missing())) for each in (owner, waiting)] == [1, 0]
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM chunks")
        assert not waiting.wait_for_others(timeout_seconds=20, poll_seconds=0.01)


def test_waiting_ends_with_its_time_and_without_a_rival_at_once(engine, make_space, add_novel) -> None:
    add_novel("one", ["only "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as owner, open_claims(engine, space, "one") as waiting:
        assert len(list(owner.missing())) == 1
        assert not owner.wait_for_others()
        assert list(waiting.missing()) == []
        started = time.monotonic()
        assert waiting.wait_for_others(timeout_seconds=0.3, poll_seconds=0.01)
        assert 0.25 < time.monotonic() - started < 10
