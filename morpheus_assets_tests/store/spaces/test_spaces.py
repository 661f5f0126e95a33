import threading
from dataclasses import replace

import pytest

from morpheus_assets.store.database.errors import SpaceError, SpaceIncomplete
from morpheus_assets.store.spaces import batch_jobs, spaces, vectors
from morpheus_assets_tests.fixtures.waiting import eventually


def test_a_space_registered_by_many_at_once_is_made_once(engine, make_space) -> None:
    space = make_space()
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(spaces.register_space(engine, space).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [made[0]] * 8
    assert [row.state for row in spaces.list_spaces(engine)] == ["building"]


def test_another_fingerprint_under_a_stored_key_is_refused(engine, make_space) -> None:
    spaces.register_space(engine, make_space())
    with pytest.raises(SpaceError, match="another fingerprint"):
        spaces.register_space(engine, replace(make_space(), revision="2"))


def test_the_first_space_of_a_purpose_becomes_active_at_once(engine, make_space) -> None:
    for key, purpose in (("t1", "text"), ("t2", "text"), ("i1", "image")):
        spaces.register_space(engine, make_space(key, purpose=purpose))
    assert spaces.active_space(engine, "text") is None
    assert spaces.activate_first(engine, "t1")
    assert not spaces.activate_first(engine, "t2")
    assert spaces.activate_first(engine, "i1")
    assert spaces.active_space(engine, "text").key == "t1"
    assert spaces.active_space(engine, "image").key == "i1"


def test_a_space_with_gaps_does_not_become_active(engine, make_space, add_novel, random_vectors) -> None:
    hashes = add_novel("one", ["a ", "b ", "c "])
    old, new = (spaces.register_space(engine, make_space(key)) for key in ("old", "new"))
    spaces.activate_first(engine, old.key)
    vectors.write_batch(engine, new, hashes[:2], random_vectors(2))
    for attempt in (spaces.activate, spaces.mark_ready):
        with pytest.raises(SpaceIncomplete, match="lacks vectors for 1 passages"):
            attempt(engine, new.key)
    assert spaces.active_space(engine, "text").key == "old"
    vectors.write_batch(engine, new, hashes[2:], random_vectors(1))
    assert spaces.mark_ready(engine, new.key).state == "ready"
    assert spaces.activate(engine, new.key).state == "active"
    assert spaces.active_space(engine, "text").key == "new"
    gone = spaces.get_space(engine, "old")
    assert gone.state == "retired"
    assert gone.retired_at is not None


def test_the_previous_space_can_stay_as_a_standby(engine, make_space) -> None:
    for key in ("a", "b"):
        spaces.register_space(engine, make_space(key))
    spaces.activate_first(engine, "a")
    spaces.activate(engine, "b", previous_becomes="ready")
    assert spaces.get_space(engine, "a").state == "ready"
    assert spaces.activate(engine, "a").key == "a", "and back again"


def test_the_active_space_is_neither_retired_nor_dropped(engine, make_space) -> None:
    spaces.register_space(engine, make_space())
    spaces.activate_first(engine, "demo-8")
    for attempt in (spaces.retire, spaces.drop):
        with pytest.raises(SpaceError, match="activate another one first"):
            attempt(engine, "demo-8")


def test_a_retired_space_can_be_revived_or_dropped(engine, make_space) -> None:
    space = spaces.register_space(engine, make_space())
    assert spaces.retire(engine, space.key).state == "retired"
    assert spaces.revive(engine, space.key).state == "building"
    spaces.retire(engine, space.key)
    spaces.drop(engine, space.key)
    with pytest.raises(SpaceError, match="stored are: none"):
        spaces.get_space(engine, space.key)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"SELECT to_regclass('{space.table}')").scalar_one() is None


def test_a_drop_that_must_wait_does_not_hold_up_readers(engine, make_space) -> None:
    space = spaces.register_space(engine, make_space())
    with engine.connect() as reader:
        reader.exec_driver_sql(f"SELECT count(*) FROM {space.table}").scalar_one()
        dropper = threading.Thread(target=spaces.drop, args=[engine, space.key])
        dropper.start()
        with engine.connect() as other:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass(%s)"
            assert eventually(lambda: other.exec_driver_sql(waiting, (space.table,)).scalar_one() > 0)
            # for ever, while the first one reads, unless the drop makes way
            other.exec_driver_sql("SET LOCAL statement_timeout = '60s'")
            other.exec_driver_sql(f"SELECT count(*) FROM {space.table}").scalar_one()
        reader.rollback()
    dropper.join()
    assert spaces.list_spaces(engine) == []


def test_sizes_count_rows_and_bytes(engine, make_space, random_vectors) -> None:
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, [b"a" * 32, b"b" * 32], random_vectors(2))
    [size] = spaces.space_sizes(engine)
    assert (size.key, size.rows) == ("demo-8", 2)
    assert size.table_bytes > 0
    assert size.index_bytes > 0


def test_what_is_done_to_one_space_is_done_to_no_other(engine, make_space) -> None:
    kinds = {"a": "text", "b": "text", "c": "text", "i": "image", "j": "image"}
    for key, purpose in kinds.items():
        spaces.register_space(engine, make_space(key, purpose=purpose))
    spaces.activate_first(engine, "a")
    spaces.activate_first(engine, "i")

    def states() -> dict[str, str]:
        return {row.key: row.state for row in spaces.list_spaces(engine)}

    assert states() == {"a": "active", "b": "building", "c": "building", "i": "active", "j": "building"}
    spaces.mark_ready(engine, "b")
    spaces.mark_ready(engine, "a")
    assert states() == {"a": "active", "b": "ready", "c": "building", "i": "active", "j": "building"}
    spaces.activate(engine, "b")
    assert states() == {"a": "retired", "b": "active", "c": "building", "i": "active", "j": "building"}
    assert {purpose: row.key for purpose, row in spaces.active_spaces(engine).items()} == {"text": "b", "image": "i"}
    assert [row.key for row in spaces.list_spaces(engine, "image")] == ["i", "j"]
    spaces.retire(engine, "c")
    spaces.revive(engine, "a")
    spaces.revive(engine, "b")
    assert states() == {"a": "building", "b": "active", "c": "retired", "i": "active", "j": "building"}
    spaces.drop(engine, "c")
    assert set(states()) == {"a", "b", "i", "j"}


def test_a_space_knows_since_when_it_is_what_it_is(engine, make_space) -> None:
    for key in ("a", "b"):
        spaces.register_space(engine, make_space(key))
    with engine.connect() as connection:
        begun = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    ready = spaces.mark_ready(engine, "a")
    assert ready.ready_at >= begun
    assert spaces.activate(engine, "a").activated_at >= begun
    spaces.activate(engine, "b", previous_becomes="ready")
    assert spaces.get_space(engine, "a").retired_at is None, "a standby is not on its way out"
    spaces.activate(engine, "a")
    retired = spaces.get_space(engine, "b").retired_at
    assert retired >= begun
    assert spaces.retire(engine, "b").retired_at == retired, "its retention does not begin anew"
    revived = spaces.revive(engine, "b")
    assert (revived.retired_at, revived.ready_at) == (None, None)
    spaces.retire(engine, "b")
    assert spaces.activate(engine, "b").retired_at is None
    assert spaces.active_space(engine, "text").key == "b"


def test_a_space_in_use_again_is_not_dropped_as_a_retired_one(engine, make_space) -> None:
    for key in ("a", "b"):
        spaces.register_space(engine, make_space(key))
    spaces.retire(engine, "a")
    with pytest.raises(SpaceError, match="came back into use"):
        spaces.drop(engine, "b", only_retired=True)
    spaces.drop(engine, "a", only_retired=True)
    with pytest.raises(SpaceError, match="'a' is stored; stored are: b"):
        spaces.get_space(engine, "a")


def test_a_space_may_answer_with_gaps_when_that_is_asked_for(engine, make_space, add_novel) -> None:
    add_novel("one", ["a "])
    for key in ("a", "b"):
        spaces.register_space(engine, make_space(key))
    spaces.activate_first(engine, "a")
    with pytest.raises(SpaceIncomplete):
        spaces.activate(engine, "b")
    assert spaces.activate(engine, "b", allow_gaps=True).state == "active"
    with pytest.raises(ValueError, match="'gone'"):
        spaces.activate(engine, "a", previous_becomes="gone")


def test_a_space_that_is_not_stored_is_refused_with_those_that_are_in_alphabetical_order(engine, make_space) -> None:
    for key in ("b", "c", "a"):
        spaces.register_space(engine, make_space(key))
    with pytest.raises(SpaceError, match="'d' is stored; stored are: a, b, c"):
        spaces.get_space(engine, "d")
    assert [row.key for row in spaces.list_spaces(engine)] == ["b", "c", "a"], "the oldest first"
    for attempt in (spaces.mark_ready, spaces.activate, spaces.activate_first, spaces.retire, spaces.drop):
        with pytest.raises(SpaceError, match="No embedding space 'd'"):
            attempt(engine, "d")


def test_a_space_is_not_dropped_before_its_batch_job_has_ended(engine, make_space) -> None:
    first, second = (spaces.register_space(engine, make_space(key)) for key in ("first", "second"))
    job = batch_jobs.add_batch_job(engine, first, "token", "a change of model")
    batch_jobs.give_up(engine, batch_jobs.add_batch_job(engine, second, "other", "a change of model"), "not accepted")
    with pytest.raises(SpaceError, match="batch job token of first has not ended"):
        spaces.drop(engine, "first")
    spaces.drop(engine, "second")
    assert [row.key for row in spaces.list_spaces(engine)] == ["first"]
    batch_jobs.give_up(engine, job, "not accepted")
    spaces.drop(engine, "first")
    assert spaces.list_spaces(engine) == []


def test_a_space_that_is_read_all_the_time_is_not_dropped_and_stays_as_it_was(
    engine, make_space, random_vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spaces, "_PATIENCE_SECONDS", 0.0)
    space = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, space, [b"a" * 32], random_vectors(1))
    with engine.connect() as reader:
        reader.exec_driver_sql(f"SELECT count(*) FROM {space.table}").scalar_one()
        with pytest.raises(SpaceError, match="in use all the time and was not dropped"):
            spaces.drop(engine, space.key)
    assert vectors.vector_summary(engine, spaces.get_space(engine, space.key)).rows == 1


def test_sizes_are_listed_by_key_and_counted_by_space(engine, make_space, random_vectors) -> None:
    for key, rows in (("b", 2), ("a", 1), ("c", 0)):
        space = spaces.register_space(engine, make_space(key))
        vectors.write_batch(engine, space, [bytes([number]) * 32 for number in range(rows)], random_vectors(rows))
    assert [(size.key, size.rows) for size in spaces.space_sizes(engine)] == [("a", 1), ("b", 2), ("c", 0)]


def test_a_space_that_answers_already_is_left_as_it_is(engine, make_space, add_novel) -> None:
    for key in ("a", "b"):
        spaces.register_space(engine, make_space(key))
    spaces.activate_first(engine, "a")
    since = spaces.get_space(engine, "a").activated_at
    add_novel("one", ["a "])
    assert spaces.activate(engine, "a").activated_at == since, "although it lacks something"
    assert not spaces.activate_first(engine, "a")
    assert spaces.revive(engine, "a").state == "active"
    assert spaces.register_space(engine, make_space("a")).state == "active"
    with pytest.raises(SpaceIncomplete, match="lacks vectors for 1 passages"):
        spaces.mark_ready(engine, "b")
