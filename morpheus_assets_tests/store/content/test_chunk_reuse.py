"""Chunks of chapters that are not cut again, against the same chapters cut afresh."""

import hashlib
from itertools import count
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from morpheus_assets.domain.content import Chapter, NovelRecord, ReplaceCounts
from morpheus_assets.store.content.chapters import replace_chapters
from morpheus_assets.store.content.chunks import keep_chunks, known_digests, replace_chunks
from morpheus_assets.store.content.novels import stored_text, upsert_novel
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.text.chunking.chunks import ChunkerSettings, cut_chapters

OF_NOVEL = " WHERE novel_id = (SELECT id FROM novels WHERE novel = %s)"
# As a reader of the novel counts them, and as they are stored.
READ = (
    "SELECT ordinal, chapter, char_start, char_end, token_count, content_hash, body, tsv::text FROM novel_chunks"
    f"{OF_NOVEL} ORDER BY ordinal"
)
ROWS = f"SELECT chapter, ordinal, char_start, char_end, content_hash FROM chunks{OF_NOVEL} ORDER BY 1, 2"
CUTS = (
    "SELECT c.* FROM novels, unnest(chunked_chapters, chunked_counts, chunked_digests) AS c (chapter, chunks, digest)"
    " WHERE novel = %s ORDER BY 1"
)
WORDS = ["river", "stone", "morning", "whisper", "lantern", "garden", "winter", "soldier", "letter", "window"]
names = (f"novel-{number}" for number in count())


class Novel:
    """A stored novel that is rewritten chapter by chapter; a chapter is a number that its words follow from."""

    def __init__(self, engine: Engine, chunker: ChunkerSettings) -> None:
        self.engine, self.chunker, self.name = engine, chunker, next(names)
        self.cut: list[bytes] = []
        self.text, self.spans, self.made = "", [], {}

    def rewrite(self, chapters: list[int], *, head: str = "") -> None:
        """Store the text of these chapters, and what its chunks are made of."""
        self.text, self.spans = head, []
        for ordinal, chapter in enumerate(chapters):
            self.spans.append(Chapter(ordinal, "", len(self.text), len(self.text + prose(chapter)), 1))
            self.text += prose(chapter) + "\n\n"
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        upsert_novel(
            self.engine,
            NovelRecord(self.name, None, None, "en", "txt", "utf-8", (), "x.txt", digest, self.text, digest),
        )
        replace_chapters(self.engine, self.name, self.spans, source_digest=digest)
        self.made = {"chunker": self.chunker.version(), "source_digest": digest, "body_digest": digest}

    def store(self) -> ReplaceCounts:
        """Store the chunks; `self.cut` are then the chapters that had to be cut for it."""

        known = known_digests(self.engine, self.name, chunker=self.chunker.version())
        made = list(cut_chapters(self.text, self.spans, self.chunker, known))
        self.cut = [chapter.digest for chapter in made if chapter.chunks is not None]
        return replace_chunks(self.engine, self.name, made, **self.made).counts

    def keep(self) -> ReplaceCounts:
        """Let what is stored stand."""
        return keep_chunks(self.engine, self.name, **self.made).counts

    @property
    def hold(self) -> bool:
        """True when the stored chunks are known to be those of the text."""
        stages = stored_text(self.engine, self.name).stages
        made = self.chunker.version(), self.made["body_digest"]
        return stages.chunks_whole and (stages.chunker, stages.chunks_text) == made

    def rows(self, query: str = READ) -> list[tuple]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query, (self.name,))]

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                statement.replace("NOVEL", "(SELECT id FROM novels WHERE novel = %s)"), (self.name,)
            )

    def afresh(self) -> "Novel":
        """The same text in a new novel."""
        made = Novel(self.engine, self.chunker)
        made.text, made.spans = self.text, self.spans
        digest = self.made["body_digest"]
        upsert_novel(
            made.engine,
            NovelRecord(made.name, None, None, "en", "txt", "utf-8", (), "x.txt", digest, self.text, digest),
        )
        replace_chapters(made.engine, made.name, made.spans, source_digest=digest)
        made.made = self.made
        made.store()
        return made


def prose(chapter: int) -> str:
    chance = Random(chapter)
    sentences = [
        " ".join(chance.choices(WORDS, k=chance.randint(4, 9))).capitalize() + "." for _ in range(chapter % 14)
    ]
    return "\n\n".join(" ".join(sentences[at : at + 3]) for at in range(0, len(sentences), 3))


def edited(chapters: list[int], how: str, at: int, to: int, new: int) -> list[int]:
    at, to = at % max(1, len(chapters)), to % (len(chapters) + 1)
    rest = chapters[:at] + chapters[at + 1 :]
    return {
        "insert": [*chapters[:to], new, *chapters[to:]],
        "delete": rest,
        "rewrite": [*chapters[:at], new, *chapters[at + 1 :]],
        "move": [*rest[:to], *chapters[at : at + 1], *rest[to:]],
        "duplicate": [*chapters[:to], *chapters[at : at + 1], *chapters[to:]],
        "leave": chapters,
    }[how]


small = st.integers(0, 40)
edits = st.tuples(
    st.sampled_from(["insert", "delete", "rewrite", "move", "duplicate", "leave"]), small, small, st.integers(0, 400)
)


# Every example has novels of its own in the one database.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 400), max_size=9),
    st.lists(st.tuples(st.lists(edits, min_size=1, max_size=4), st.sampled_from(["", "By A. Writer\n\n"])), max_size=3),
    st.sampled_from([0, 8]),
)
def test_after_any_edits_the_rows_are_those_of_a_novel_cut_afresh(engine: Engine, chapters, versions, overlap):
    novel = Novel(engine, ChunkerSettings(32, overlap))
    novel.rewrite(chapters)
    novel.store()
    for changes, head in versions:
        before, known = set(novel.rows(ROWS)), {row[2] for row in novel.rows(CUTS)}
        for change in changes:
            chapters = edited(chapters, *change)
        novel.rewrite(chapters, head=head)
        counts = novel.store()
        afresh = novel.afresh()
        assert novel.rows() == afresh.rows()
        assert novel.rows(CUTS) == afresh.rows(CUTS)
        assert known.isdisjoint(novel.cut)
        assert all(novel.text[row[2] : row[3]] == row[6] for row in novel.rows())
        after = set(novel.rows(ROWS))
        gone = {row[:2] for row in before} - {row[:2] for row in after}
        assert counts == ReplaceCounts(len(after - before), len(after & before), len(gone))
        assert novel.hold
        assert novel.keep() == ReplaceCounts(0, len(after), 0)


def test_a_rewritten_chapter_is_the_only_one_that_is_cut(engine: Engine):
    novel = Novel(engine, ChunkerSettings(32))
    novel.rewrite([5, 6, 7, 8, 9])
    novel.store()
    novel.rewrite([5, 6, 21, 8, 9])
    novel.store()
    assert len(novel.cut) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM chunks WHERE novel_id = NOVEL AND ordinal = 2",
        "DELETE FROM chunks WHERE novel_id = NOVEL AND chapter = 4 AND ordinal = (SELECT max(ordinal) FROM chunks)",
        "UPDATE chunks SET ordinal = 9999 WHERE novel_id = NOVEL AND ordinal = 2",
        "UPDATE chunks SET chapter = 77 WHERE novel_id = NOVEL AND chapter = 2",
        "INSERT INTO chunks SELECT novel_id, 77, 1, char_start, char_end, content_hash"
        " FROM chunks WHERE novel_id = NOVEL AND chapter = 2 AND ordinal = 1",
        "DELETE FROM chunks WHERE novel_id = NOVEL",
        "UPDATE novels SET chunked_counts[2] = 9 WHERE id = NOVEL",
        "UPDATE novels SET chunked_chapters = NULL, chunked_digests = NULL, chunked_counts = NULL WHERE id = NOVEL",
        "UPDATE novels SET text_config = 'french' WHERE id = NOVEL",
        "UPDATE novels SET chunker = 'another' WHERE id = NOVEL",
        "UPDATE novels SET chunks_text = 'another' WHERE id = NOVEL",
    ],
)
def test_chunks_do_not_stand_when_rows_or_what_they_follow_from_were_touched(engine: Engine, damage: str):
    novel = Novel(engine, ChunkerSettings(32))
    novel.rewrite([10, 11, 12, 13, 25])
    novel.store()
    whole = novel.rows()
    assert novel.keep() == ReplaceCounts(0, len(whole), 0)
    novel.execute(damage)
    assert not novel.hold
    with pytest.raises(RowsChanged):
        novel.keep()
    novel.store()
    assert [row[:7] for row in novel.rows()] == [row[:7] for row in whole]
    assert [row[0] for row in novel.rows(CUTS)] == [0, 1, 2, 3, 4]


def test_chunks_are_never_stored_for_other_chapters_than_those_they_were_cut_from(engine: Engine):
    novel = Novel(engine, ChunkerSettings(32))
    novel.rewrite([10, 11, 12])
    novel.store()
    before = novel.rows(ROWS)
    novel.execute("UPDATE chapters SET char_start = char_start + 1 WHERE novel_id = NOVEL AND ordinal = 2")
    assert not novel.hold
    with pytest.raises(RowsChanged):
        novel.store()
    assert novel.rows(ROWS) == before


def test_chunks_that_were_stored_without_their_chapters_are_cut_again(engine: Engine):
    novel = Novel(engine, ChunkerSettings(32))
    novel.rewrite([10, 11])
    novel.store()
    novel.execute("UPDATE novels SET chunked_chapters = NULL WHERE id = NOVEL")
    assert not novel.hold
    with pytest.raises(RowsChanged):
        novel.keep()
    assert novel.store().written == 0
    assert len(novel.cut) == 2


def test_another_language_has_every_passage_parsed_anew(engine: Engine):
    novel = Novel(engine, ChunkerSettings(32))
    novel.rewrite([10, 11])
    novel.store()
    novel.execute("UPDATE novels SET text_config = 'simple' WHERE id = NOVEL")
    novel.store()
    words = novel.rows(READ.replace("tsv::text", "tsv = to_tsvector('simple', body)"))
    assert all(row[7] for row in words)


def test_chunks_that_were_not_cut_again_and_are_gone_are_named_and_nothing_is_written(engine: Engine):
    novel = Novel(engine, ChunkerSettings(32))
    novel.rewrite([10, 11, 12])
    novel.store()
    known = known_digests(engine, novel.name, chunker=novel.chunker.version())
    novel.rewrite([10, 11, 13])
    another = ChunkerSettings(64)
    cut = cut_chapters(novel.text, novel.spans, another)
    replace_chunks(engine, novel.name, cut, **{**novel.made, "chunker": another.version()})
    before = novel.rows(), novel.rows(CUTS)
    stale = cut_chapters(novel.text, novel.spans, novel.chunker, known)
    with pytest.raises(RowsChanged):
        replace_chunks(engine, novel.name, stale, **novel.made)
    assert (novel.rows(), novel.rows(CUTS)) == before
