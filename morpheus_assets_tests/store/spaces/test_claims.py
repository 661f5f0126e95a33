import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psycopg
import pytest

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.domain.spaces import SentenceSpace
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.database.errors import LeaseLost
from morpheus_assets.store.insight.scenes import SceneSentence, replace_sentences
from morpheus_assets.store.spaces import batch_jobs, claims, refusals, spaces, vectors
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets_tests import python_path
from morpheus_assets_tests.fixtures.waiting import ManualClock, eventually


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
        env={**os.environ, "PYTHONPATH": python_path(".")},
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
        assert time.monotonic() - started < 50, "a lease of a minute is not waited for"
        assert len(list(session.missing())) == 5


WRITE_AND_HANG = """
import sys
import numpy as np
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces import spaces, vectors
engine = open_engine(sys.argv[1])
row = spaces.get_space(engine, sys.argv[2])
with open_claims(engine, row, "one") as session:
    hashes = [each.content_hash for each in session.missing()]
    vectors.write_batch(engine, row, hashes, np.ones((len(hashes), row.dimensions), np.float32))
"""


def test_what_a_killed_process_had_sent_is_stored_before_its_claims_are_free(
    engine, database_url, make_space, add_novel
) -> None:
    hashes = add_novel("one", [f"p{i} " for i in range(8)])
    space = spaces.register_space(engine, make_space())
    with engine.connect() as slow, open_claims(engine, space, "one") as session:
        # the server takes its time: all was sent to it, and nothing is committed while a row is another's
        slow.exec_driver_sql("SELECT 1")
        vectors.write_batch(slow, space, hashes[:1], np.ones((1, space.dimensions), np.float32))
        writer = subprocess.Popen([sys.executable, "-c", WRITE_AND_HANG, database_url, space.key])

        def is_waiting() -> bool:
            waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%%' AND wait_event_type = 'Lock'"
            with engine.connect() as connection:
                return connection.exec_driver_sql(waits).scalar_one() == 1

        assert eventually(is_waiting)
        writer.kill()
        writer.wait()
        assert list(session.missing()) == []
        assert session.contended == 8
        done = threading.Timer(0.3, slow.rollback)
        done.start()
        # none of them is paid for again
        assert not session.wait_for_others(poll_seconds=0.05)
        done.join()
        assert vectors.vector_summary(engine, space).rows == 8


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
        assert waiting.wait_for_others(timeout_seconds=200, poll_seconds=0.01)
        assert time.monotonic() - started < 100
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
        assert 0.3 < time.monotonic() - started < 100


def test_a_session_whose_lease_others_ended_claims_nothing_more(engine, make_space, add_novel) -> None:
    add_novel("one", ["a ", "b "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as session:
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM leases")
        with pytest.raises(LeaseLost, match="stood still"):
            list(session.missing())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM embedding_claims").scalar_one() == 0


def test_a_session_that_loses_its_lease_amid_a_page_yields_nothing_more_of_it(engine, make_space, add_novel) -> None:
    add_novel("one", ["a ", "b "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as session:
        rows = session.missing()
        next(rows)
        session._lease.lost()
        with pytest.raises(LeaseLost):
            next(rows)


def test_what_a_batch_job_took_over_is_not_waited_for(engine, make_space, add_novel) -> None:
    hashes = add_novel("one", ["a ", "b "])
    first, second = (spaces.register_space(engine, make_space(key)) for key in ("first", "second"))
    job = batch_jobs.add_batch_job(engine, second, "token", "a change of model")
    batch_jobs.add_inputs(engine, second, job, hashes)
    with open_claims(engine, first, "one") as owner, open_claims(engine, first, "one") as waiting:
        assert [len(list(each.missing())) for each in (owner, waiting)] == [2, 0]
        refusals.record_refusals(engine, second, [(hashes[0], "of another space")])
        assert waiting.wait_for_others(timeout_seconds=0.1, poll_seconds=0.01), "the job is another space's"
        assert list(waiting.missing()) == []
        job = batch_jobs.add_batch_job(engine, first, "other", "a change of model")
        batch_jobs.add_inputs(engine, first, job, hashes)
        assert not waiting.wait_for_others(timeout_seconds=20, poll_seconds=0.01)


def test_waiting_ends_when_one_of_several_becomes_free(engine, make_space, add_novel, random_vectors) -> None:
    hashes = add_novel("one", ["a ", "b "])
    add_novel("two", ["c "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as owner, open_claims(engine, space, ["two", "one", "two"]) as waiting:
        assert len(list(owner.missing())) == 2
        assert [row.novel for row in waiting.missing()] == ["two"]
        assert waiting.contended == 2
        vectors.write_batch(engine, space, hashes[:1], random_vectors(1))
        owner.release()
        assert waiting.wait_for_others(timeout_seconds=20, poll_seconds=0.01)
        assert {row.content_hash for row in waiting.missing()} >= {hashes[1]}
        assert waiting.contended == 0


def test_two_sessions_that_wait_for_each_other_both_go_on(engine, make_space, add_novel, random_vectors) -> None:
    [of_one], [of_two] = add_novel("one", ["a "]), add_novel("two", ["b "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, ["one", "two"]) as first, open_claims(engine, space, ["two", "one"]) as second:
        taken = first.missing()
        next(taken)
        assert [row.content_hash for row in second.missing()] == [of_two]
        assert list(taken) == []
        vectors.write_batch(engine, space, [of_one, of_two], random_vectors(2))
        assert not first.wait_for_others(poll_seconds=0.01)
        assert not second.wait_for_others(poll_seconds=0.01)


def test_the_pictures_of_one_page_come_together(engine, make_space) -> None:
    entries = [f"{number}.png" for number in range(6)]
    replace_panels(
        engine,
        "comic",
        [
            PanelRecord(path, "stored", 9, None, hashlib.sha256((path + entry).encode()).digest(), "PNG", "RGB", 4, 4,
                        entry=entry, ordinal=number)
            for number, (entry, path) in enumerate((entry, path) for entry in entries for path in ("a.cbz", "b.cbz"))
        ],
    )  # fmt: skip
    space = spaces.register_space(engine, make_space(purpose="image"))
    with open_claims(engine, space, "comic") as session:
        found = [(row.page, row.content, row.entry) for row in session.missing()]
    assert found == sorted(found)
    assert len(found) == 12


def test_sentences_are_claimed_apart_from_the_pictures_of_their_space(engine, make_space, add_novel) -> None:
    add_novel("one", ["a "])
    sentence = SceneSentence(1, 1, 0, 9, hashlib.sha256(b"It rained.").digest(), "It rained.")
    replace_sentences(engine, "one", [sentence])
    space = SentenceSpace.of(spaces.register_space(engine, make_space(purpose="image")))
    with open_claims(engine, space, "one") as owner, open_claims(engine, space, "one") as waiting:
        assert [[row.content for row in each.missing()] for each in (owner, waiting)] == [["It rained."], []]
        assert waiting.wait_for_others(timeout_seconds=0.1, poll_seconds=0.01)
        assert list(waiting.missing()) == []
        replace_sentences(engine, "one", [])
        assert not waiting.wait_for_others(timeout_seconds=20, poll_seconds=0.01)


def test_who_waits_asks_the_database_only_so_often(engine, make_space, add_novel, monkeypatch) -> None:
    add_novel("one", ["a "])
    space = spaces.register_space(engine, make_space())
    with open_claims(engine, space, "one") as owner, open_claims(engine, space, "one") as waiting:
        assert [len(list(each.missing())) for each in (owner, waiting)] == [1, 0]
        asked = []
        look = waiting._still_missing
        monkeypatch.setattr(waiting, "_still_missing", lambda *given: asked.append(1) or look(*given))
        clock = ManualClock()
        monkeypatch.setattr(claims, "time", clock)
        assert waiting.wait_for_others(timeout_seconds=0.5, poll_seconds=0.2)
        assert len(asked) == 4
        assert clock.slept == [0.2] * 3


def test_a_claim_in_a_space_that_is_gone_is_not_taken_for_a_lost_lease(engine, make_space, add_novel) -> None:
    add_novel("one", ["a "])
    replace_sentences(engine, "one", [SceneSentence(1, 1, 0, 9, hashlib.sha256(b"x").digest(), "It rained.")])
    space = SentenceSpace.of(spaces.register_space(engine, make_space(purpose="image")))
    spaces.drop(engine, space.key)
    with open_claims(engine, space, "one") as session:
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            list(session.missing())
        session._lease.ensure()
