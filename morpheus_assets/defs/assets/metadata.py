"""The columns of the stored tables, as the UI shows them on each asset."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.domain.content import Chapter, ChapterCount, ComicBook, ReplaceCounts, SamplePassage

if TYPE_CHECKING:
    from PIL import Image

    from morpheus_assets.services.page_listing import FoundPages


def _schema(_key: str, **columns: tuple[str, str]) -> dg.TableSchema:
    """Columns by name, and the primary key as SQL writes it, which is unique where it is one column."""
    keys = [part.strip() for part in _key.split(",")]
    described = []
    for name, (kind, meaning) in columns.items():
        constraints = dg.TableColumnConstraints(nullable=name not in keys, unique=keys == [name])
        described.append(dg.TableColumn(name, kind, description=meaning, constraints=constraints))
    return dg.TableSchema(described, constraints=dg.TableConstraints(other=[f"PRIMARY KEY ({_key})"]))


NOVEL_COLUMNS = _schema(
    "novel",
    novel=("text", "partition key, from the file's name"),
    title=("text", "from the file's metadata or header, where there is one"),
    author=("text", "likewise"),
    language=("text", "ISO 639-1, or und"),
    format=("text", "txt, md, html, epub, docx, odt, rtf, fb2, htmlz or pdf"),
    encoding=("text", "how the bytes were decoded"),
    repairs=("text[]", "what was mended on the way, a sentence each"),
    source_path=("text", "relative to content/novels"),
    source_digest=("text", "sha256 of the file"),
    body=("text", "the text: NFC, LF"),
    body_digest=("text", "sha256 of the text"),
)

CHAPTER_COLUMNS = _schema(
    "novel_id, ordinal",
    novel_id=("integer", "row of `novels`"),
    ordinal=(
        "integer",
        "1, 2, … in reading order; pieces in front of the chapters are 0, -1 …; those at the back count on",
    ),
    title=("text", "the heading, joined where it runs over several lines"),
    kind=("text", "chapter, section (no chapters were found), front or back"),
    char_start=("integer", "first character in the novel's text"),
    char_end=("integer", "one past the last"),
    line=("integer", "line of the heading in the novel's text, from 1"),
)

CHUNK_COLUMNS = _schema(
    "novel_id, chapter, ordinal",
    novel_id=("integer", "row of `novels`"),
    chapter=("integer", "ordinal of its chapter"),
    ordinal=("integer", "1, 2, … in the chapter; through the novel in the view `novel_chunks`"),
    char_start=("integer", "first character in the chapter's text"),
    char_end=("integer", "one past the last"),
    content_hash=(
        "bytea",
        "sha256 of the passage's text, which is in `passages`; the key of its vector in every space",
    ),
)

PAGE_COLUMNS = _schema(
    "id",
    id=("bigint", "its number"),
    novel_id=("integer", "row of `novels`"),
    path=("text", "relative to content/panels"),
    entry=("text", "its name within the archive, PDF or EPUB at that path"),
    ordinal=("integer", "place in the novel, from 1"),
    role=("text", "cover, advertisement … where the book says so"),
    direction=("text", "how its panels are read: ltr or rtl"),
    state=("text", "stored or refused"),
    reason=("text", "why it was refused, a sentence"),
    content_hash=("bytea", "sha256 of the picture's bytes"),
    format=("text", "as found in the file, whatever its name says"),
    mode=("text", "colour layout of the file"),
    width=("integer", "pixels, upright"),
    height=("integer", "pixels, upright"),
    treatments=("text[]", "what is done to it before it is cut"),
    doubts=("text[]", "why the cut into panels is doubtful"),
)

REGION_COLUMNS = _schema(
    "page_id, ordinal",
    page_id=("bigint", "its page"),
    ordinal=("integer", "place on the page in reading order; 0 is the page itself"),
    kind=("text", "page, panel, piece (of a strip or spread), tile, given (by the author or a person)"),
    x0=("integer", "left edge in pixels of the upright page; y0, x1, y1 likewise"),
    confidence=("real", "how sure the cutter is of the box, 0 to 1"),
    cutter=("text", "whose box it is: author, person, or the cutter's version"),
    content_hash=("bytea", "of its upright pixels with their size: the key of its vector in every image space"),
)

CHARACTER_COLUMNS = _schema(
    "novel_id, name",
    novel_id=("integer", "row of `novels`"),
    name=("text", "the commonest form of the name, or a fuller one"),
    kind=("text", "person, place or unknown"),
    gender=("text", "m, f, or empty where the text does not tell"),
    confirmed=("boolean", "whether a person wrote it into content/characters"),
    mentions=("integer", "how often any of its forms stands in the text"),
    aliases=("jsonb", "each form with how often it stands"),
    chapters=("jsonb", "each chapter's ordinal with the mentions in it"),
    panels=("text[]", "reference pictures that a person tagged"),
    starts=("integer[]", "first character of each mention in the novel's text"),
    ends=("integer[]", "one past the last"),
)

LOOK_COLUMNS = _schema(
    "novel_id, ordinal",
    novel_id=("integer", "row of `novels`"),
    ordinal=("integer", "1, 2, …, contradictions first"),
    character=("text", "row of `characters`"),
    part=("text", "hair, eyes, build, coat …"),
    attribute=("text", "what the text says of it"),
    chapter=("integer", "ordinal of the chapter"),
    char_start=("integer", "first character of the sentence in the novel's text"),
    char_end=("integer", "one past the last"),
    sentence=("text", "the sentence as one line"),
    sure=("boolean", "false where only a pronoun tells whose look it is"),
    contradicts=("text", "what another sentence says instead"),
)

MEAN_COLUMNS = _schema(
    "space_id, novel_id",
    space_id=("integer", "row of `embedding_spaces`"),
    novel_id=("integer", "row of `novels`"),
    passages=("integer", "vectors that the mean is of"),
    mean=("real[]", "the mean vector"),
)

SENTENCE_COLUMNS = _schema(
    "novel_id, ordinal",
    novel_id=("integer", "row of `novels`"),
    ordinal=("integer", "1, 2, … in the novel's order"),
    chapter=("integer", "ordinal of its chapter"),
    char_start=("integer", "first character in the novel's text"),
    char_end=("integer", "one past the last"),
    content_hash=("bytea", "sha256 of `body`: the key of its vector in `sentence_vectors`"),
    body=("text", "the sentence in one line, as it is embedded"),
)

SCENE_COLUMNS = _schema(
    "novel_id, ordinal",
    novel_id=("integer", "row of `scene_matches`, which names the space and the chapters"),
    ordinal=("integer", "the panel's place in reading order"),
    page_id=("bigint", "row of `pages`"),
    region=("integer", "its place on the page, 0 for the page itself"),
    content_hash=("bytea", "hash of the region"),
    chapter=("integer", "ordinal of the chapter that it shows"),
    char_start=("integer", "first character of the best sentence in the novel's text"),
    char_end=("integer", "one past the last"),
    sentence=("text", "the best sentence in one line"),
    similarity=("real", "cosine of the panel and that sentence"),
    confirmed=("boolean", "whether a person named the chapter in scenes.tsv"),
    scores=("real[]", "how well each chapter fits, in the order of `scene_matches.chapters`"),
)

CHARACTER_PANEL_COLUMNS = _schema(
    "novel_id, character, ordinal",
    novel_id=("integer", "row of `novels`"),
    character=("text", "row of `characters`"),
    ordinal=("integer", "1, 2, …, least like the reference pictures first"),
    page_id=("bigint", "row of `pages`"),
    region=("integer", "its place on the page, 0 for the page itself"),
    content_hash=("bytea", "hash of the region"),
    likeness=("real", "-1 to 1, to the character's reference pictures"),
    reference=("boolean", "whether it is one of them"),
)

PAIR_COLUMNS = _schema(
    "novel_id, ordinal",
    novel_id=("integer", "row of `novels`"),
    ordinal=("integer", "1, 2, … in the novel's order"),
    question=("text", "a sentence of the passage"),
    kind=("text", "how the question was made"),
    content_hash=("bytea", "the passage that answers, in `passages`"),
    chapter=("integer", "ordinal of its chapter"),
    negatives=("bytea[]", "near passages of other chapters"),
)


def embedding_columns(dimensions: int) -> dg.TableSchema:
    """Columns of a space's table of vectors."""
    return _schema(
        "content_hash",
        content_hash=("bytea", "sha256 of what was embedded"),
        embedding=(f"halfvec({dimensions})", "the vector"),
    )


QUALITY_COLUMNS = _schema(
    "space_id, measured_at",
    space_id=("integer", "row of `embedding_spaces`"),
    measured_at=("timestamptz", "when the questions were asked; the latest sixty are kept"),
    questions_digest=("text", "the same for the same judged questions"),
    outcomes=("jsonb", "for each question its kind, its novel and the places of its answer"),
)

PREVIEW_ROWS = 60


def replaced(counts: ReplaceCounts) -> dict[str, Any]:
    """The novel's rows in all, and what became of them."""
    return {
        "dagster/partition_row_count": counts.written + counts.unchanged,
        "rows_written": counts.written,
        "rows_unchanged": counts.unchanged,
        "rows_deleted": counts.deleted,
    }


def chapter_preview(rows: Sequence[Chapter]) -> dg.TableMetadataValue:
    """The first chapters as a table."""
    return _table(
        {"ordinal": "int", "kind": "string", "title": "string", "line": "int", "characters": "int"},
        [
            {
                "ordinal": row.ordinal,
                "kind": row.kind,
                "title": row.title,
                "line": row.line,
                "characters": row.char_end - row.char_start,
            }
            for row in rows[:PREVIEW_ROWS]
        ],
    )


def chapter_strip(rows: Sequence[Chapter]) -> dg.MarkdownMetadataValue:
    """The lengths of the chapters as a picture."""
    from morpheus_assets.images.charts import length_strip
    from morpheus_assets.images.previews import as_markdown

    picture = length_strip([(str(row.ordinal), row.char_end - row.char_start) for row in rows])
    return dg.MetadataValue.md(as_markdown(picture, "the chapters, as wide as they are long") or "no chapters")


def beginning(text: str, most: int = 300) -> str:
    """The beginning of a text as one line, which says where it goes on; cut between words where there are spaces."""
    line = " ".join(text.split())
    if len(line) < most:
        return line
    kept = line[: most - 2]
    space = kept.rfind(" ")
    return f"{kept[:space] if space > most // 2 else kept} …"


def sample_table(passages: Sequence[SamplePassage]) -> dg.TableMetadataValue:
    """Some passages of a novel as they are embedded and searched."""
    return _table(
        {"chapter": "int", "tokens": "int", "passage": "string"},
        [{"chapter": each.chapter, "tokens": each.tokens, "passage": beginning(each.body)} for each in passages],
    )


def chunk_preview(counts: Sequence[ChapterCount], titles: Mapping[int, str]) -> dg.TableMetadataValue:
    """Chunks of the first chapters."""
    return _table(
        {"chapter": "int", "title": "string", "chunks": "int"},
        [
            {"chapter": count.chapter, "title": titles.get(count.chapter, ""), "chunks": count.chunks}
            for count in counts[:PREVIEW_ROWS]
        ],
    )


def comic_books(books: Sequence[ComicBook]) -> dict[str, dg.MetadataValue]:
    """What the first archives, EPUBs and PDFs say of themselves; nothing where there are none."""
    if not books:
        return {}
    shown = ("path", "series", "number", "volume", "title", "writer", "language", "direction")
    table = _table(
        dict.fromkeys(shown, "string"),
        [{name: getattr(book, name) or "" for name in shown} for book in books[:PREVIEW_ROWS]],
    )
    return {"comic_books": table}


def panel_sheet(pages: "FoundPages") -> dg.MarkdownMetadataValue:
    """The first pages as one small picture."""
    from morpheus_assets.images.previews import MAX_TILES, as_markdown, contact_sheet

    picture = contact_sheet(pages.first_pictures(MAX_TILES))
    return dg.MetadataValue.md(as_markdown(picture, "the first pages") or "no pages")


def cut_sheet(pages: "Sequence[tuple[str, Image.Image]]") -> dg.MarkdownMetadataValue:
    """Pages with their boxes drawn and numbered, as one small picture."""
    from morpheus_assets.images.previews import as_markdown, picture_sheet

    return dg.MetadataValue.md(as_markdown(picture_sheet(pages), "doubtful pages") or "none")


def _table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()])
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], schema=schema)
