import hashlib
import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from morpheus_assets.domain.content import (
    Chapter,
    Chunk,
    HeadingHint,
    NovelRecord,
    PanelRecord,
    ReplaceCounts,
    SourceFile,
)
from morpheus_assets.store.content.chapters import chapters_with_contents, load_chapters, replace_chapters
from morpheus_assets.store.content.chunks import iter_chunks, replace_chunks
from morpheus_assets.store.content.novels import (
    ingested_digests,
    iter_novels,
    list_novels,
    load_novel,
    refuse_novel,
    remove_novel,
    upsert_novel,
)
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.content.source_files import (
    forget_source_files,
    load_source_files,
    note_missing,
    note_returned,
    save_source_files,
    tombstones,
)
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.errors import UnknownNovel
from morpheus_assets.store.database.outages import ping
from morpheus_assets_tests.fixtures.passages import cut_into, store_chunks
from morpheus_assets_tests.fixtures.round_trips import counting_proxy


def novel_record(novel: str = "the-tide", text: str = "It rained.", **changes: object) -> NovelRecord:
    record = NovelRecord(
        novel=novel, title="The Tide", author="A. Writer", language="en", format="txt", encoding="utf-8",
        repairs=("a byte order mark was dropped",), source_path=f"{novel}.txt",
        source_digest=hashlib.sha256(text.encode()).hexdigest(), text=text,
        body_digest=hashlib.sha256(text.encode()).hexdigest(),
    )  # fmt: skip
    return replace(record, **changes)  # type: ignore[arg-type]


def chunk_records(*bodies: str, chapter: int = 1) -> list[Chunk]:
    rows, start = [], 0
    for ordinal, body in enumerate(bodies, 1):
        digest = hashlib.sha256(body.encode()).digest()
        rows.append(Chunk(chapter, ordinal, start, start + len(body), len(body.split()), digest, body))
        start += len(body)
    return rows


def stamps(engine: Engine, table: str) -> dict[object, tuple[object, ...]]:
    key = "path" if table == "pages" else "ordinal"
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT {key}, xmin::text, ctid::text FROM {table}")
        return {row[0]: tuple(row[1:]) for row in rows}


def test_a_novel_comes_back_as_it_was_stored(engine: Engine) -> None:
    record = novel_record(text="第一回 “Curly” naïve – done.\n" * 50)
    assert upsert_novel(engine, record)
    assert load_novel(engine, "the-tide") == record


def test_storing_the_same_novel_again_writes_nothing(engine: Engine) -> None:
    assert upsert_novel(engine, novel_record())
    assert not upsert_novel(engine, novel_record())
    assert upsert_novel(engine, novel_record(title="The Ebb"))


def test_a_refused_source_keeps_the_text_that_was_stored(engine: Engine) -> None:
    upsert_novel(engine, novel_record())
    refuse_novel(engine, "the-tide", "the-tide.epub", "ab" * 32, "The EPUB is cut off; copy it again.")
    assert load_novel(engine, "the-tide").text == "It rained."
    [summary] = list_novels(engine)
    assert summary.refused_reason == "The EPUB is cut off; copy it again."
    assert ingested_digests(engine)["the-tide"].refused == "ab" * 32
    assert upsert_novel(engine, novel_record()), "a good source clears the refusal even when the text is the same"
    assert list_novels(engine)[0].refused_reason is None


def test_a_novel_that_was_only_ever_refused_has_no_text(engine: Engine) -> None:
    refuse_novel(engine, "broken", "broken.txt", None, "The file is empty.")
    assert list_novels(engine)[0].body_digest is None
    with pytest.raises(UnknownNovel, match="broken"):
        load_novel(engine, "broken")


def test_chunks_of_an_unknown_novel_are_refused(engine: Engine) -> None:
    with pytest.raises(UnknownNovel, match="materialize `novels`"):
        replace_chunks(engine, "nowhere", cut_into(chunk_records("a")), chunker="1", source_digest="0", body_digest="0")


def test_writing_the_same_chunks_twice_leaves_the_very_same_rows(engine: Engine) -> None:
    upsert_novel(engine, novel_record())
    rows = chunk_records("It rained. ", "It poured. ", "It stopped. ")
    assert store_chunks(engine, "the-tide", iter(rows)) == ReplaceCounts(3, 0, 0)
    before = stamps(engine, "chunks")
    assert store_chunks(engine, "the-tide", rows) == ReplaceCounts(0, 3, 0)
    assert stamps(engine, "chunks") == before
    assert list(iter_chunks(engine, "the-tide")) == rows


def test_only_the_changed_chunk_is_written_and_orphans_go(engine: Engine) -> None:
    upsert_novel(engine, novel_record())
    store_chunks(engine, "the-tide", chunk_records("aaaa", "bbbb", "cccc", "dddd", "eeee"))
    before = stamps(engine, "chunks")
    assert store_chunks(engine, "the-tide", chunk_records("aaaa", "BBBB", "cccc")) == ReplaceCounts(1, 2, 2)
    after = stamps(engine, "chunks")
    assert {ordinal for ordinal in after if after[ordinal] == before[ordinal]} == {1, 3}
    assert [chunk.body for chunk in iter_chunks(engine, "the-tide")] == ["aaaa", "BBBB", "cccc"]


def test_a_changed_language_rewrites_the_searchable_words(engine: Engine) -> None:
    upsert_novel(engine, novel_record(language="en"))
    rows = chunk_records("les chevaux mangeaient")
    store_chunks(engine, "the-tide", rows)
    upsert_novel(engine, novel_record(language="fr"))
    store_chunks(engine, "the-tide", rows)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT tsv @@ to_tsquery('french', 'cheval') FROM passages").scalar_one()


def test_chapters_and_panels_follow_the_same_rules(engine: Engine) -> None:
    upsert_novel(engine, novel_record())
    chapters = [Chapter(n, f"Chapter {n}", n * 10, n * 10 + 9, n) for n in range(1, 5)]
    assert replace_chapters(engine, "the-tide", chapters) == ReplaceCounts(4, 0, 0)
    assert replace_chapters(engine, "the-tide", chapters[:2]) == ReplaceCounts(0, 2, 2)
    assert load_chapters(engine, "the-tide") == chapters[:2]
    panels = [
        PanelRecord("01/a.png", "stored", 10, None, b"\1" * 32, "PNG", "RGB", 4, 5, ("alpha on white",)),
        PanelRecord("01/b.png", "refused", 3, "It is cut off after 3 bytes."),
    ]
    assert replace_panels(engine, "the-tide", panels, panels_digest="d1") == ReplaceCounts(2, 0, 0)
    before = stamps(engine, "pages")
    assert replace_panels(engine, "the-tide", panels, panels_digest="d1") == ReplaceCounts(0, 2, 0)
    assert stamps(engine, "pages") == before
    assert load_panels(engine, "the-tide") == panels
    assert load_panels(engine, "the-tide", state="refused") == panels[1:]
    assert ingested_digests(engine)["the-tide"].panels == "d1"


def test_chapters_of_several_novels_come_with_the_contents_of_their_files_in_one_trip(
    engine: Engine, database_url: str
) -> None:
    hints = (
        HeadingHint(0, 1, "It Rains", "epub-toc"),
        HeadingHint(0, 1, "It rained.", "epub-heading"),
        HeadingHint(3, 1, "It Stops", "epub-toc"),
    )
    upsert_novel(engine, novel_record("the-tide", hints=hints))
    upsert_novel(engine, novel_record("the-ebb"))
    chapters = [Chapter(n, f"Chapter {n}", n, n + 1, n) for n in (1, 2)]
    replace_chapters(engine, "the-tide", chapters)
    with counting_proxy(database_url) as counting:
        distant = open_engine(counting.url)
        ping(distant)
        with counting.counted() as seen:
            found = chapters_with_contents(distant, ["the-ebb", "the-tide", "unknown"])
        distant.dispose()
    assert found == {"the-tide": (["It Rains", "It Stops"], chapters), "the-ebb": ([], [])}
    assert seen.trips == 1


def test_a_novel_may_have_panels_only(engine: Engine) -> None:
    replace_panels(engine, "pictures", [PanelRecord("a.png", "stored", 1, None, b"\2" * 32)])
    [summary] = list_novels(engine)
    assert (summary.novel, summary.body_digest, summary.panels) == ("pictures", None, 1)


def test_each_novel_is_loaded_with_its_own_rows(engine: Engine) -> None:
    for name in ("one", "two"):
        upsert_novel(engine, novel_record(name, text=name))
        replace_chapters(engine, name, [Chapter(1, name, 0, 3, 1)])
        store_chunks(engine, name, chunk_records(name))
    assert [record.text for record in iter_novels(engine, ["two", "absent", "one"])] == ["two", "one"]
    assert load_chapters(engine, "two") == [Chapter(1, "two", 0, 3, 1)]
    assert [chunk.body for name in ("two", "one") for chunk in iter_chunks(engine, name)] == ["two", "one"]


def test_removing_a_novel_removes_all_that_hangs_on_it(engine: Engine) -> None:
    upsert_novel(engine, novel_record())
    store_chunks(engine, "the-tide", chunk_records("a", "b"))
    note_missing(engine, "text", [("the-tide", "the-tide.txt")])
    save_source_files(engine, [SourceFile("text", "the-tide.txt", "the-tide", 1, 1)])
    assert remove_novel(engine, "the-tide")
    assert not remove_novel(engine, "the-tide")
    assert list_novels(engine) == []
    assert tombstones(engine) == []
    assert load_source_files(engine, "text") == {}
    assert stamps(engine, "chunks") == {}


def test_a_failed_replacement_leaves_the_old_rows(engine: Engine) -> None:
    upsert_novel(engine, novel_record())
    rows = chunk_records("kept one", "kept two")
    store_chunks(engine, "the-tide", rows)

    [chapter] = cut_into(chunk_records("new"))

    def breaking():  # type: ignore[no-untyped-def]
        yield from chapter.chunks
        raise RuntimeError("the splitter broke")

    digest = load_novel(engine, "the-tide").body_digest
    with pytest.raises(RuntimeError):
        replace_chunks(
            engine, "the-tide", [replace(chapter, chunks=breaking())], chunker="1", source_digest=digest,
            body_digest=digest,
        )  # fmt: skip
    assert list(iter_chunks(engine, "the-tide")) == rows


def test_two_writers_of_one_novel_and_a_reader_never_see_a_mix(engine: Engine) -> None:
    upsert_novel(engine, novel_record())
    versions = [chunk_records(*(f"{letter}{i}" for i in range(200))) for letter in "ab"]
    store_chunks(engine, "the-tide", versions[0])
    faults: list[BaseException] = []
    stop = threading.Event()

    def write(version: list[Chunk]) -> None:
        try:
            for _ in range(10):
                store_chunks(engine, "the-tide", version)
        except BaseException as fault:
            faults.append(fault)

    def read() -> None:
        try:
            while not stop.is_set():
                letters = {chunk.body[0] for chunk in iter_chunks(engine, "the-tide")}
                assert len(letters) == 1
        except BaseException as fault:
            faults.append(fault)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=[version]) for version in versions]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert faults == []


def test_source_files_are_saved_in_bulk_and_equal_ones_are_left(engine: Engine, database_url: str) -> None:
    files = [SourceFile("panel", f"n/{i:05}.png", "n", i, i, f"{i:064x}") for i in range(20_000)]
    with counting_proxy(database_url) as counting:
        distant = open_engine(counting.url)
        ping(distant)
        with counting.counted() as found:
            assert save_source_files(distant, files) == 20_000
            assert save_source_files(distant, files) == 0
        distant.dispose()
    assert found.trips <= 14
    seen = load_source_files(engine, "panel")
    assert len(seen) == 20_000
    changed = replace(files[7], size_bytes=99, digest=None)
    assert save_source_files(engine, [changed]) == 1
    after = load_source_files(engine, "panel")
    assert after[changed.path].digest is None
    assert after[changed.path].observed_at > seen[changed.path].observed_at  # type: ignore[operator]
    assert after[files[8].path] == seen[files[8].path]
    assert forget_source_files(engine, "panel", [changed.path, "absent"]) == 1


def test_a_tombstone_stands_until_its_file_returns(engine: Engine) -> None:
    gone = [("a", "a.txt"), ("b", "b.txt")]
    assert note_missing(engine, "text", gone) == 2
    noticed = tombstones(engine)
    assert note_missing(engine, "text", gone) == 0
    assert tombstones(engine) == noticed
    assert note_returned(engine, "text", ["a.txt"]) == 1
    assert [stone.novel for stone in tombstones(engine)] == ["b"]
