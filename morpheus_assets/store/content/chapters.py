"""Chapters of a novel: replaced as a whole or left standing, with what they were made of."""

import json
from collections.abc import Iterable, Sequence

from morpheus_assets.domain.content import Chapter, ReplaceCounts
from morpheus_assets.store.content.novel_rows import lock_novel, refuse_other_source, unknown_novel
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.statistics import TableSize
from morpheus_assets.store.database.transactions import Bind, autocommit, pipelined, reading

queries = load_queries(__file__)


def replace_chapters(
    bind: Bind,
    novel: str,
    chapters: Iterable[Chapter],
    *,
    source_digest: str | None = None,
    rules: str | None = None,
    text_mark: str | None = None,
    size: TableSize | None = None,
) -> ReplaceCounts:
    """Make the novel's chapters equal to `chapters`. Raises UnknownNovel.

    `source_digest` is that of the text they were found in; raises TextChanged when another one is stored by now.
    The text's `mark` and the `rules` they were found by are remembered, for `keep_chapters`.
    """
    rows = list(chapters)
    wanted = {
        "novel": novel, "digest": source_digest, "rules": rules, "text": text_mark,
        "keys": [row.ordinal for row in rows],
        "rows": json.dumps([vars(row) for row in rows], ensure_ascii=False),
    }  # fmt: skip
    of_source = queries.novel_of_source
    with pipelined(bind) as connection:
        lock_novel(connection, novel)
        found = connection.execute(queries.find_novel, wanted)
        written = connection.execute(queries.write_chapters.format(novel=of_source), wanted)
        deleted = connection.execute(queries.delete_other_chapters.format(novel=of_source), wanted)
        connection.execute(queries.note_chapters.format(rows=queries.rows_of_chapters, novel=of_source), wanted)
        if size is not None:
            size.ask(connection)
    row = found.fetchone()
    if row is None:
        raise unknown_novel(novel)
    if source_digest is not None:
        refuse_other_source(novel, row[1], source_digest)
    return ReplaceCounts(written.rowcount, len(rows) - written.rowcount, deleted.rowcount)


def keep_chapters(
    bind: Bind, novel: str, *, source_digest: str, rules: str, text_mark: str, size: TableSize | None = None
) -> list[Chapter]:
    """Let the stored chapters stand for this text and these rules, and note the source that they now belong to.

    Returns them. Raises UnknownNovel, RowsChanged when they are not those that these rules find in this text, untouched
    since, and TextChanged as `replace_chapters` does.
    """
    query = queries.keep_chapters.format(rows=queries.rows_of_chapters)
    wanted = {"novel": novel, "rules": rules, "text": text_mark, "digest": source_digest}
    with autocommit(bind) as connection, connection.pipeline():
        asked = connection.execute(query, wanted)
        if size is not None:
            size.ask(connection)
    found = asked.fetchall()
    if not found:
        raise unknown_novel(novel)
    refuse_other_source(novel, found[0][0], source_digest)
    if not found[0][1]:
        raise RowsChanged(f"The chapters of {novel} were changed by another run at the same time; run it again.")
    return [Chapter(*values) for _, _, *values in found]


def chapters_with_source(bind: Bind, novel: str) -> tuple[list[Chapter], str | None, str | None]:
    """One novel's chapters in order, the digest of the source and the mark of the text that they were found in.

    Raises UnknownNovel.
    """
    with reading(bind) as connection:
        found = connection.execute(queries.chapters_with_source, {"novel": novel}).fetchall()
    if not found:
        raise unknown_novel(novel)
    return [Chapter(*values) for _, _, *values in found if values[0] is not None], found[0][0], found[0][1]


def chapters_with_contents(bind: Bind, novels: Sequence[str]) -> dict[str, tuple[list[str], list[Chapter]]]:
    """The titles that a file's own table of contents names, and the chapters in order, of those novels that are known.

    In one round trip, without the texts.
    """
    with autocommit(bind) as connection:
        rows = connection.execute(queries.chapters_with_contents, {"novels": list(novels)}).fetchall()
    return {novel: (contents, [Chapter(*values) for values in chapters or ()]) for novel, contents, chapters in rows}


def load_chapters(bind: Bind, novel: str) -> list[Chapter]:
    """One novel's chapters in order; none when the novel has none. Raises UnknownNovel."""
    return chapters_with_source(bind, novel)[0]
