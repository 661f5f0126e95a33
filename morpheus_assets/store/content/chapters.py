"""Chapters of a novel: replaced as a whole or left standing, with what they were made of."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from morpheus_assets.domain.content import Chapter, ReplaceCounts
from morpheus_assets.store.content.novel_rows import lock_novel, novel_id, replace_rows
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)


def replace_chapters(
    bind: Bind,
    novel: str,
    chapters: Iterable[Chapter],
    *,
    source_digest: str | None = None,
    rules: str | None = None,
    text_mark: str | None = None,
) -> ReplaceCounts:
    """Make the novel's chapters equal to `chapters`. Raises UnknownNovel.

    `source_digest` is that of the text they were found in; raises TextChanged when another one is stored by now.
    The text's `mark` and the `rules` they were found by are remembered for `chapters_hold`.
    """
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        number = novel_id(connection, novel, source_digest=source_digest)
        rows = map(vars, chapters)
        counts = replace_rows(connection, queries.write_chapters, queries.delete_other_chapters, number, rows)
        connection.execute(
            queries.note_chapters.format(rows=queries.rows_of_chapters),
            {"number": number, "rules": rules, "text": text_mark},
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
        number = novel_id(connection, novel, source_digest=source_digest)
        count = _count_of_current(connection, novel, rules, text_mark)
        if count is None:
            raise RowsChanged(f"The chapters of {novel} were changed by another run at the same time; run it again.")
        connection.execute(queries.keep_chapters, {"number": number})
        return ReplaceCounts(written=0, unchanged=count, deleted=0)


def chapters_source(bind: Bind, novel: str) -> tuple[str | None, str | None]:
    """The digest of the source and the mark of the text that a novel's chapters were found in."""
    with transaction(bind) as connection:
        row = connection.execute(queries.chapters_source, {"novel": novel}).fetchone()
    return (row[0], row[1]) if row else (None, None)


def load_chapters(bind: Bind, novel: str) -> list[Chapter]:
    """One novel's chapters in order; none when the novel has none. Raises UnknownNovel."""
    with transaction(bind) as connection:
        novel_id(connection, novel)
        return load_chapters_of(bind, [novel])[novel]


def load_chapters_of(bind: Bind, novels: Sequence[str]) -> dict[str, list[Chapter]]:
    """The chapters of many novels; every name asked for is a key."""
    found: dict[str, list[Chapter]] = {name: [] for name in novels}
    with transaction(bind) as connection:
        for novel, *values in connection.execute(queries.load_chapters, {"novels": list(novels)}):
            found[novel].append(Chapter(*values))
    return found


def _count_of_current(connection: psycopg.Connection[Any], novel: str, rules: str, text_mark: str) -> int | None:
    row = connection.execute(
        queries.count_current_chapters.format(rows=queries.rows_of_chapters),
        {"novel": novel, "rules": rules, "text": text_mark},
    ).fetchone()
    return int(row[0]) if row else None
