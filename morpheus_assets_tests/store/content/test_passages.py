"""Passages that novels share: stored once, kept while a chunk refers to them, in a language of theirs."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Engine

from morpheus_assets.domain.content import Chapter, CutChapter, CutChunk, NovelRecord, ReplaceCounts
from morpheus_assets.services.space_retention import collect_passages
from morpheus_assets.store.content.chapters import replace_chapters
from morpheus_assets.store.content.chunks import iter_chunks, replace_chunks
from morpheus_assets.store.content.lookups import passage_body
from morpheus_assets.store.content.novels import remove_novel, upsert_novel
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.search.hits import search_text


def store(engine: Engine, novel: str, bodies: list[str], language: str = "en", **changes: object) -> ReplaceCounts:
    """A novel of one chapter with these passages, stored as the chain of assets does."""
    text = "\n".join(bodies)
    digest = hashlib.sha256(text.encode()).hexdigest()
    upsert_novel(engine, NovelRecord(novel, None, None, language, "txt", "utf-8", (), "x.txt", digest, text, digest))
    replace_chapters(engine, novel, [Chapter(1, "One", 0, len(text), 1)], source_digest=digest)
    cut = CutChapter(1, 0, len(text), hashlib.sha256(text.encode()).digest(), chunks_of(bodies, **changes))  # type: ignore[arg-type]
    return replace_chunks(engine, novel, [cut], chunker="1", source_digest=digest, body_digest=digest).counts


def chunks_of(bodies: list[str], *, meanwhile: Callable[[], object] = lambda: None) -> Iterable[CutChunk]:
    start = 0
    for body in bodies:
        yield CutChunk(start, start + len(body), len(body.split()), hash_of(body), body)
        start += len(body) + 1
    meanwhile()


def hash_of(body: str) -> bytes:
    return hashlib.sha256(body.encode()).digest()


def stored(engine: Engine) -> dict[str, str]:
    """The configuration that each stored passage was parsed by."""
    with engine.connect() as connection:
        return {body: config for body, config in connection.exec_driver_sql("SELECT body, config FROM passages")}


def found(engine: Engine, words: str) -> set[tuple[str, str]]:
    return {(hit.novel, hit.body) for hit in search_text(engine, query_text=words, mode="text")}


def test_a_passage_of_two_novels_is_stored_once_and_found_in_both(engine: Engine):
    store(engine, "harbour", ["The lantern was lit.", "The ship came home."])
    store(engine, "island", ["Nobody slept.", "The lantern was lit."])
    assert len(stored(engine)) == 3
    assert {novel for novel, _ in found(engine, "lantern")} == {"harbour", "island"}


def test_what_an_edit_leaves_behind_is_found_by_no_search_and_deleted_by_upkeep(engine: Engine):
    store(engine, "harbour", ["The lantern was lit.", "The ship came home."])
    store(engine, "harbour", ["The lantern was lit.", "The ship was lost."])
    assert found(engine, "home") == set()
    assert passage_body(engine, hash_of("The ship came home.")) is None
    assert list(collect_passages(engine, dry_run=True)) == []
    assert list(collect_passages(engine)) == ["1 passages were in no novel any more and are deleted."]
    assert stored(engine).keys() == {"The lantern was lit.", "The ship was lost."}
    assert list(collect_passages(engine)) == []


def test_many_passages_without_a_chunk_keep_no_other_from_being_found(engine: Engine):
    left = [f"The lantern, {'lantern, ' * 9} number {number}." for number in range(300)]
    store(engine, "harbour", left)
    store(engine, "harbour", ["A lantern hung there among many other things of the house."])
    assert found(engine, "lantern") == {("harbour", "A lantern hung there among many other things of the house.")}


def test_removing_a_novel_deletes_the_passages_that_only_it_had(engine: Engine):
    store(engine, "harbour", ["The lantern was lit.", "The ship came home."])
    store(engine, "island", ["The lantern was lit."])
    remove_novel(engine, "harbour")
    assert stored(engine).keys() == {"The lantern was lit."}
    assert found(engine, "lantern") == {("island", "The lantern was lit.")}


def test_a_passage_keeps_its_language_while_a_novel_in_it_has_it(engine: Engine):
    body = "Les chevaux mangent, the horses were eating"
    store(engine, "london", [body], "en")
    store(engine, "paris", [body], "fr")
    assert stored(engine) == {body: "english"}
    remove_novel(engine, "london")
    assert stored(engine) == {body: "french"}
    assert found(engine, "cheval") == {("paris", body)}


def test_an_edit_that_leaves_a_passage_to_a_novel_in_another_language_has_it_parsed_by_upkeep(engine: Engine):
    body = "Les chevaux mangent, the horses were eating"
    store(engine, "london", [body, "Tea."], "en")
    store(engine, "paris", [body], "fr")
    store(engine, "london", ["Tea."], "en")
    assert list(collect_passages(engine)) == [
        "1 passages were parsed anew, for the language of the novels that have them now."
    ]
    assert stored(engine) == {body: "french", "Tea.": "english"}


def test_a_novel_in_another_language_than_before_has_its_passages_parsed_anew(engine: Engine):
    store(engine, "paris", ["les chevaux mangeaient"], "en")
    store(engine, "paris", ["les chevaux mangeaient"], "fr")
    assert stored(engine) == {"les chevaux mangeaient": "french"}


def test_novels_that_share_passages_in_another_order_never_lock_each_other_out(engine: Engine):
    shared = [f"Passage number {number} of both." for number in range(200)]
    faults: list[BaseException] = []

    def write(novel: str, bodies: list[str]) -> None:
        try:
            for part in range(6):
                store(engine, novel, [f"{body} {part}" for body in bodies])
        except BaseException as fault:
            faults.append(fault)

    writers = [
        threading.Thread(target=write, args=["harbour", shared]),
        threading.Thread(target=write, args=["island", shared[::-1]]),
        threading.Thread(target=write, args=["island-2", shared[100:] + shared[:100]]),
    ]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert faults == []
    assert [len(list(iter_chunks(engine, novel))) for novel in ("harbour", "island", "island-2")] == [200] * 3


def test_a_passage_that_goes_while_another_novel_is_about_to_share_it_is_not_lost(engine: Engine):
    store(engine, "harbour", ["The lantern was lit."])
    # Enough to have the first ones written before the last are there.
    bodies = ["The lantern was lit.", *(f"Nobody slept in house {number}." for number in range(300))]
    with pytest.raises(RowsChanged):
        store(engine, "island", bodies, meanwhile=lambda: remove_novel(engine, "harbour"))
    assert list(iter_chunks(engine, "island")) == []
    store(engine, "island", bodies)
    assert found(engine, "lantern") == {("island", "The lantern was lit.")}


def test_a_removal_leaves_what_another_transaction_refers_to_and_waits_for_nobody(engine: Engine):
    store(engine, "harbour", ["The lantern was lit.", "The ship came home."])
    store(engine, "island", ["Nobody slept."])
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO chunks SELECT id, 2, 1, 0, 5, %s FROM novels WHERE novel = 'island'",
            (hash_of("The lantern was lit."),),
        )
        removing = threading.Thread(target=remove_novel, args=[engine, "harbour"])
        removing.start()
        removing.join(100)
        assert not removing.is_alive()
    assert stored(engine).keys() == {"The lantern was lit.", "Nobody slept."}


def test_a_passage_that_was_taken_up_just_before_it_was_to_be_deleted_stays(engine: Engine):
    """Upkeep has seen it without a chunk; by the time that it asks to delete it, a chunk has come."""
    store(engine, "harbour", ["The lantern was lit."])
    store(engine, "harbour", ["The ship came home."])
    unused = hash_of("The lantern was lit.")
    store(engine, "island", ["The lantern was lit."])
    with engine.begin() as connection:
        deleted = connection.exec_driver_sql("SELECT delete_unused_passages(%s)", ([unused],)).scalar_one()
    assert deleted == 0
    assert "The lantern was lit." in stored(engine)


def test_a_long_novel_is_written_over_two_connections_also_where_its_passages_return(engine: Engine):
    bodies = [f"The lantern number {place % 450} was lit." for place in range(2400)]
    counts = store(engine, "harbour", bodies)
    assert (counts.written, len(stored(engine))) == (2400, 450)
    assert [chunk.body for chunk in iter_chunks(engine, "harbour")] == bodies


def test_a_batch_that_cannot_be_stored_ends_the_work_with_its_fault(engine: Engine):
    bodies = [f"The lantern number {place} was lit." for place in range(2400)]
    store(engine, "harbour", bodies[:1])
    rows = [replace(row, token_count=2**40) if row.body == bodies[1700] else row for row in chunks_of(bodies)]
    cut = CutChapter(1, 0, len(bodies[0]), hash_of("other"), rows)
    digest = hash_of(bodies[0]).hex()
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        replace_chunks(engine, "harbour", [cut], chunker="1", source_digest=digest, body_digest=digest)
    assert [chunk.body for chunk in iter_chunks(engine, "harbour")] == bodies[:1]
