"""IO managers by themselves: plain rows in, the same rows out, and twice the same."""

import hashlib
import threading
from dataclasses import replace
from types import ModuleType

import pytest

from morpheus_assets.defs.assets import text
from morpheus_assets.defs.assets.values import UNCHANGED, CutNovel, FoundChapters, NovelPanels
from morpheus_assets.defs.io_managers.content import (
    ChaptersIOManager,
    ChunksIOManager,
    NovelsIOManager,
    PanelsIOManager,
    spread,
)
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.content import Chapter, CutChapter, CutChunk, NovelRecord, PanelRecord
from morpheus_assets.store.content import novels
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.text.chapters import find
from morpheus_assets.text.chunking import chunks
from morpheus_assets_tests.fixtures.deployment import Deployment, metadata_of, story

TEXT = "The ship came home. The lantern was lit."
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()
NOVEL = NovelRecord("emma", "Emma", None, "en", "txt", "utf-8", (), "emma.txt", DIGEST, TEXT, DIGEST, reader="1")
CHAPTERS = [
    Chapter(1, "I", 0, 20, 1),
    Chapter(2, "II", 20, len(TEXT), 1),
]


@pytest.fixture
def database(deployment: Deployment) -> DatabaseResource:
    return DatabaseResource(deployment.settings)


def found(database: DatabaseResource, rows: object) -> FoundChapters:
    """Chapters of the stored text, as the asset computes them."""
    stored = NovelsIOManager(database).load("emma")
    return FoundChapters(rows, stored.source_digest, stored.mark, "rules 1")


def cut(rows: object) -> CutNovel:
    """The text in two chunks, a chapter each."""
    return CutNovel(rows, DIGEST, DIGEST, "chunker 1", {1: "I", 2: "II"})


def cut_rows():
    for chapter in CHAPTERS:
        body = TEXT[chapter.char_start : chapter.char_end].strip()
        start, end, number = chapter.char_start, chapter.char_end, chapter.ordinal
        value = hashlib.sha256(TEXT[start:end].encode()).digest()
        chunk = CutChunk(0, len(body), 5, hashlib.sha256(body.encode()).digest(), body)
        yield CutChapter(number, start, end, value, [chunk])


def test_a_text_is_stored_once_and_comes_back_as_it_was(database: DatabaseResource):
    manager = NovelsIOManager(database)
    first = manager.store("emma", NOVEL)
    again, unchanged = manager.store("emma", NOVEL), manager.store("emma", UNCHANGED)
    assert (first["changed"], again["changed"], unchanged["changed"]) == (True, False, False)
    assert {**first, "changed": False} == again == unchanged
    assert manager.load("emma").load().text == TEXT


def test_a_novel_in_a_language_that_the_model_hardly_knows_says_so_beside_its_text(database: DatabaseResource):
    database.settings.text_spaces = "sentence-transformers/all-MiniLM-L6-v2, openai/text-embedding-3-small"
    manager = NovelsIOManager(database)
    said = manager.store("emma", replace(NOVEL, language="fr"))["hardly known language"]
    assert said.value.startswith("all-MiniLM-L6-v2 hardly knows French")
    assert "MORPHEUS_TEXT_SPACES" in said.value
    assert "hardly known language" not in manager.store("emma", NOVEL)


def test_chapters_are_stored_once_and_stand_while_they_hold(database: DatabaseResource):
    NovelsIOManager(database).store("emma", NOVEL)
    manager = ChaptersIOManager(database)
    first = manager.store("emma", found(database, CHAPTERS))
    assert (first["rows_written"], first["chapters"]) == (2, 2)
    for rows in (CHAPTERS, UNCHANGED):
        again = manager.store("emma", found(database, rows))
        assert (again["rows_written"], again["rows_unchanged"], again["rows_deleted"]) == (0, 2, 0)
    assert manager.load("emma").rows == CHAPTERS


def test_chunks_are_stored_from_an_iterator_and_stand_while_they_hold(database: DatabaseResource):
    NovelsIOManager(database).store("emma", NOVEL)
    ChaptersIOManager(database).store("emma", found(database, CHAPTERS))
    manager = ChunksIOManager(database)
    first = manager.store("emma", cut(cut_rows()))
    assert (first["rows_written"], first["tokens"]) == (2, 10)
    for rows in (cut_rows(), UNCHANGED):
        again = manager.store("emma", cut(rows))
        assert (again["rows_written"], again["rows_unchanged"], again["rows_deleted"]) == (0, 2, 0)
    assert [chunk.body for chunk in manager.load("emma")] == ["The ship came home.", "The lantern was lit."]


@pytest.mark.parametrize(
    ("table", "module", "function"),
    [("novels", text, "read_novel"), ("chapters", find, "find_chapters"), ("passages", chunks, "cut_chapters")],
)
def test_a_novel_is_worked_on_while_the_one_before_is_stored(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, table: str, module: ModuleType, function: str
):
    deployment.drop("emma.txt", story(seed=1))
    deployment.drop("persuasion.txt", story(seed=2))
    work, seen, released = getattr(module, function), [], []
    with deployment.engine.connect() as holder:
        holder.exec_driver_sql(f"LOCK TABLE {table} IN SHARE MODE")

        def release(by: str) -> None:
            released.append(by)
            holder.rollback()

        def watched(*arguments):
            seen.append(arguments)
            if len(seen) == 2:
                release("the second novel")
            return work(*arguments)

        monkeypatch.setattr(module, function, watched)
        late = threading.Timer(20, release, ["nobody"])
        late.start()
        assert deployment.ingest("emma", "persuasion").success
        late.cancel()
    assert released == ["the second novel"]


def test_a_novel_that_cannot_be_cut_fails_alone_and_the_one_before_it_is_stored(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    for name in ("emma", "northanger", "persuasion"):
        deployment.drop(f"{name}.txt", story(seed=len(name)))
    cut, seen = chunks.cut_chapters, []

    def breaking(text, *arguments):
        seen.append(text)
        yield next(cut(text, *arguments))
        if len(seen) == 2:
            raise ValueError("The second one is odd.")
        yield from list(cut(text, *arguments))[1:]

    monkeypatch.setattr(chunks, "cut_chapters", breaking)
    assert not deployment.ingest("emma", "northanger", "persuasion").success
    whole = "SELECT novel FROM novels WHERE chunks_of = source_digest ORDER BY 1"
    assert deployment.rows(whole) == [("emma",), ("persuasion",)]


def test_rows_that_are_said_to_hold_and_do_not_are_never_reported_as_stored(database: DatabaseResource):
    NovelsIOManager(database).store("emma", NOVEL)
    with pytest.raises(RowsChanged):
        ChaptersIOManager(database).store("emma", found(database, UNCHANGED))
    with pytest.raises(RowsChanged):
        ChunksIOManager(database).store("emma", cut(UNCHANGED))


def test_panels_are_stored_once_the_refused_ones_too(database: DatabaseResource):
    import dagster as dg

    rows = [
        PanelRecord("emma/1.png", "stored", 9, content_hash=b"1" * 32, format="PNG", mode="RGB", width=2, height=2),
        PanelRecord("emma/2.png", "refused", 9, reason="2.png is no picture."),
    ]
    manager = PanelsIOManager(database)
    value = NovelPanels(rows, "digest", dg.MetadataValue.md("no panels"))
    first, again = manager.store("emma", value), manager.store("emma", value)
    assert (first["rows_written"], first["stored"], first["refused"]) == (2, 1, 1)
    assert (again["rows_written"], again["rows_unchanged"]) == (0, 2)
    assert manager.load("emma") == rows


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM chapters WHERE ordinal = 2", "DELETE FROM chunks WHERE chapter = 2 AND ordinal = 1"],
    ids=["chapters", "chunks"],
)
def test_rows_that_another_run_changes_after_the_run_looked_are_computed_anew(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, change: str
):
    deployment.drop("emma.txt", story())
    deployment.ingest("emma")
    rows = "SELECT ordinal, chapter, char_start, body FROM novel_chunks ORDER BY 1"
    before, look, seen = deployment.rows(rows), novels.text_if_read, []

    def overtaken(*arguments, **named):
        seen.append(look(*arguments, **named))
        with deployment.engine.begin() as connection:
            connection.exec_driver_sql(change)
        return seen[-1]

    monkeypatch.setattr(novels, "text_if_read", overtaken)
    assert deployment.ingest("emma").success
    assert [each.stages.chunks_whole for each in seen] == [True]
    assert deployment.rows(rows) == before
    assert deployment.rows("SELECT chunked_chapters FROM novels") == [([1, 2, 3],)]
    assert deployment.rows("SELECT ordinal FROM chapters ORDER BY 1") == [(1,), (2,), (3,)]


def test_a_spread_begins_with_the_first_and_ends_with_the_last():
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread([7, 8], 5) == [7, 8]


def test_chunks_show_passages_from_the_whole_novel_and_chapters_their_lengths(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=9, paragraphs=1))
    result = deployment.ingest("emma")
    samples = metadata_of(result, "chunks")["samples"]
    assert [record.data["chapter"] for record in samples.records] == [1, 3, 5, 7, 9]
    for record in samples.records:
        said, chapter = (
            record.data["passage"],
            story(chapters=9, paragraphs=1).split(f"CHAPTER {record.data['chapter']}.")[1],
        )
        assert 100 < len(said) <= 300
        assert said.endswith(" …")
        assert said.removesuffix(" …").split()[-1] in chapter.split(), "no word is cut"
    assert metadata_of(result, "chunks")["dagster/row_count"] == metadata_of(result, "chunks")[
        "dagster/partition_row_count"
    ]  # fmt: skip
    assert "data:image/png;base64," in metadata_of(result, "chapters")["lengths"]
