"""The step to passages by content, from a database that holds novels as the version before stored them."""

import hashlib
import shutil
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from morpheus_assets.domain.content import Chapter
from morpheus_assets.store.content.chunks import iter_chunks, known_digests
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.migrations import migrate, sql_folder
from morpheus_assets.store.search.hits import search_text
from morpheus_assets.text.chunking.chunks import ChunkerSettings, cut_chapters, cut_chunks

CHUNKER = ChunkerSettings(32)
# The second one begins as the first, in another language; the third was cut before it was noted of which chapters.
NOVELS = {
    "harbour": ("english", ["The lanterns were lit. " * 20, "The ships came home late. " * 20], True),
    "copy": ("french", ["The lanterns were lit. " * 20, "Les chevaux mangeaient du foin. " * 20], True),
    "older": ("english", ["Nobody answered the letters. " * 30], False),
}


@pytest.fixture
def engine(empty_database_url: str, tmp_path) -> Iterator[Engine]:
    """A database of the version before."""
    before = tmp_path / "before"
    before.mkdir()
    for file in sql_folder().glob("0*.sql"):
        if file.name < "012":
            shutil.copy(file, before)
    engine = open_engine(empty_database_url)
    migrate(engine, before)
    for name, (config, parts, noted) in NOVELS.items():
        store_as_before(engine, name, config, parts, noted=noted)
    yield engine
    engine.dispose()


def text_of(parts: list[str]) -> tuple[str, list[Chapter]]:
    text, chapters = "By A. Writer\n\n", []
    for ordinal, part in enumerate(parts, 1):
        chapters.append(Chapter(ordinal, f"Part {ordinal}", len(text), len(text + part), ordinal))
        text += part + "\n\n"
    return text, chapters


def store_as_before(engine: Engine, novel: str, config: str, parts: list[str], *, noted: bool) -> None:
    text, chapters = text_of(parts)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with engine.begin() as connection:
        execute = connection.exec_driver_sql
        number = execute(
            "INSERT INTO novels (novel, text_config, chunks_config, body, body_length, body_digest, source_digest,"
            " chunks_of, chunks_text, chunker) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (novel, config, config, text, len(text), digest, digest, digest, digest, CHUNKER.version()),
        ).scalar_one()
        for chapter in chapters:
            execute(
                "INSERT INTO chapters VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (number, chapter.ordinal, chapter.title, "chapter", chapter.char_start, chapter.char_end, chapter.line),
            )
        for chunk in cut_chunks(text, chapters, CHUNKER):
            execute(
                f"INSERT INTO chunks VALUES (%s, %s, %s, %s, %s, %s, %s, %s, to_tsvector('{config}', %s))",
                (number, chunk.ordinal, chunk.chapter, chunk.char_start, chunk.char_end, chunk.token_count,
                 chunk.content_hash, chunk.body, chunk.body),
            )  # fmt: skip
        first = 1
        for cut in cut_chapters(text, chapters, CHUNKER) if noted else ():
            chunks = list(cut.chunks or ())
            execute(
                "INSERT INTO cut_chapters VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (number, cut.chapter, cut.char_start, cut.char_end, cut.digest, first, len(chunks),
                 sum(chunk.token_count for chunk in chunks)),
            )  # fmt: skip
            first += len(chunks)


def rows(engine: Engine, query: str) -> list[tuple]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


READ = "SELECT novel_id, ordinal, chapter, char_start, char_end, token_count, content_hash, body FROM {} ORDER BY 1, 2"


def test_every_chunk_stands_where_it_stood_and_words_are_copied_as_they_are(engine: Engine):
    before = rows(engine, READ.format("chunks"))
    words = dict(
        rows(engine, "SELECT DISTINCT ON (content_hash) content_hash, tsv::text FROM chunks ORDER BY 1, novel_id")
    )
    assert migrate(engine)[0] == "012_passages.sql"
    assert rows(engine, READ.format("novel_chunks")) == before
    assert dict(rows(engine, "SELECT content_hash, tsv::text FROM passages")) == words
    assert len(words) < len(before)
    for name, (_, parts, _) in NOVELS.items():
        text, chapters = text_of(parts)
        assert list(iter_chunks(engine, name)) == list(cut_chunks(text, chapters, CHUNKER))


def test_what_was_noted_of_the_cut_holds_and_nothing_is_cut_again(engine: Engine):
    migrate(engine)
    for name, (_, parts, noted) in NOVELS.items():
        known = known_digests(engine, name, chunker=CHUNKER.version())
        assert len(known) == (len(set(parts)) if noted else 0)


def test_words_find_the_same_passages_in_every_novel_that_has_them(engine: Engine):
    migrate(engine)
    hits = search_text(engine, query_text="lanterns lit", mode="text", k=50)
    assert {hit.novel for hit in hits} == {"harbour", "copy"}
    for hit in hits:
        text, _ = text_of(NOVELS[hit.novel][1])
        assert text[hit.char_start : hit.char_end] == hit.body
    [first, *_] = search_text(engine, query_text="les chevaux", mode="text")
    assert (first.novel, first.chapter, "chevaux" in first.body) == ("copy", 2, True)


def test_a_text_that_was_read_and_not_cut_since_is_carried_over_too(engine: Engine):
    """As a kill between two steps leaves it: the chapters stand elsewhere, or are no more."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE chapters SET char_start = char_start + 50 WHERE ordinal = 1")
        connection.exec_driver_sql("DELETE FROM chapters WHERE ordinal = 2")
    before = rows(engine, "SELECT novel_id, ordinal, content_hash FROM chunks ORDER BY 1, 2")
    migrate(engine)
    assert rows(engine, "SELECT novel_id, ordinal, content_hash FROM novel_chunks ORDER BY 1, 2") == before
