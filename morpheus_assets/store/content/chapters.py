"""Chapters: a novel's rows, replaced as a whole or left standing, with what they were made of.

Which chapters there are is the text floor's business.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from morpheus_assets.domain.content import ChapterLike, ChapterRecord, ReplaceCounts
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.database.transactions import (
    Bind,
    RowSet,
    current_text,
    lock_novel,
    novel_id,
    replace_rows,
    transaction,
)

_CHAPTERS = RowSet(
    "chapters",
    key=("ordinal", "integer"),
    values=(
        ("title", "text"), ("kind", "text"), ("char_start", "integer"), ("char_end", "integer"), ("line", "integer"),
    ),
)  # fmt: skip

_CHAPTER_ROWS = (
    "(SELECT md5(string_agg(concat_ws(chr(31), ordinal, title, kind, char_start, char_end, line), chr(30)"
    " ORDER BY ordinal)) FROM chapters WHERE novel_id = novels.id)"
)
"""Tells rows that were changed by hand; NULL, which equals nothing, where there are none."""


def replace_chapters(
    bind: Bind,
    novel: str,
    rows: Iterable[ChapterLike],
    *,
    source_digest: str | None = None,
    rules: str | None = None,
    text_mark: str | None = None,
) -> ReplaceCounts:
    """Make the novel's chapters equal to `rows`. Raises UnknownNovel.

    `source_digest` is that of the text they were found in; raises TextChanged when another one is stored by now.
    The text's `mark` and the `rules` they were found by are remembered for `chapters_hold`.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = current_text(connection, novel, source_digest)
        staged = ((row.ordinal, row.title, row.kind, row.char_start, row.char_end, row.line) for row in rows)
        counts = replace_rows(connection, _CHAPTERS, number, staged)
        connection.execute(
            "UPDATE novels SET chapters_of = source_digest, chapters_rules = %(rules)s, chapters_text = %(text)s,"  # noqa: S608
            f" chapters_rows = {_CHAPTER_ROWS} WHERE id = %(id)s",
            {"id": number, "rules": rules, "text": text_mark},
        )
        return counts


def chapters_hold(bind: Bind, novel: str, *, rules: str, text_mark: str) -> bool:
    """True when the stored chapters are those that these rules find in this text, untouched since."""
    with transaction(bind) as connection:
        return _count_of_current(connection, novel, rules, text_mark) is not None


def keep_chapters(bind: Bind, novel: str, *, source_digest: str, rules: str, text_mark: str) -> ReplaceCounts:
    """Let the stored chapters stand for this text and these rules, and note the source that they now belong to.

    Raises UnknownNovel, RowsChanged when they do not hold any more, and TextChanged as `replace_chapters` does.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = current_text(connection, novel, source_digest)
        count = _count_of_current(connection, novel, rules, text_mark)
        if count is None:
            raise RowsChanged(f"The chapters of {novel} were changed by another run at the same time; run it again.")
        connection.execute(
            "UPDATE novels SET chapters_of = source_digest"
            " WHERE id = %s AND chapters_of IS DISTINCT FROM source_digest",
            [number],
        )
        return ReplaceCounts(0, count, 0)


def chapters_source(bind: Bind, novel: str) -> tuple[str | None, str | None]:
    """Of what a novel's chapters were made: the digest of the source, and the mark of the text."""
    with transaction(bind) as connection:
        row = connection.execute("SELECT chapters_of, chapters_text FROM novels WHERE novel = %s", [novel]).fetchone()
    return (row[0], row[1]) if row else (None, None)


def load_chapters(bind: Bind, novel: str) -> list[ChapterRecord]:
    """One novel's chapters in order; none when the novel has none. Raises UnknownNovel."""
    with transaction(bind) as connection:
        novel_id(connection, novel)
        return load_chapters_of(bind, [novel])[novel]


def load_chapters_of(bind: Bind, novels: Sequence[str]) -> dict[str, list[ChapterRecord]]:
    """The chapters of many novels; every name asked for is a key."""
    found: dict[str, list[ChapterRecord]] = {name: [] for name in novels}
    with transaction(bind) as connection:
        for novel, *values in connection.execute(
            "SELECT n.novel, c.ordinal, c.title, c.kind, c.char_start, c.char_end, c.line FROM novels n"
            " JOIN chapters c ON c.novel_id = n.id WHERE n.novel = ANY(%s) ORDER BY n.novel, c.ordinal",
            [list(novels)],
        ):
            found[novel].append(ChapterRecord(*values))
    return found


def _count_of_current(connection: psycopg.Connection[Any], novel: str, rules: str, text_mark: str) -> int | None:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM chapters WHERE novel_id = novels.id) FROM novels"  # noqa: S608
        " WHERE novel = %(novel)s AND chapters_rules = %(rules)s AND chapters_text = %(text)s"
        f" AND chapters_rows = {_CHAPTER_ROWS}",
        {"novel": novel, "rules": rules, "text": text_mark},
    ).fetchone()
    return int(row[0]) if row else None
