"""Casts of novels and what is said of their looks: replaced as a whole, or left standing when nothing changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from morpheus_assets.domain.content import ReplaceCounts
from morpheus_assets.insight.characters import Character
from morpheus_assets.insight.looks import Look
from morpheus_assets.store.content.novel_rows import lock_novel, novel_id
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction

queries = load_queries(__file__)


def load_characters(bind: Bind, novel: str) -> list[Character]:
    """The cast of a novel, confirmed ones first, then by mentions; [] where none is stored."""
    with reading(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(queries.characters, {"novel": novel}).fetchall()
    return [
        Character(
            row["name"],
            row["kind"],
            row["gender"],
            dict(sorted(row["aliases"].items(), key=lambda form: (-form[1], form[0]))),
            {int(chapter): count for chapter, count in sorted(row["chapters"].items(), key=lambda pair: int(pair[0]))},
            tuple(zip(row["starts"], row["ends"], strict=True)),
            row["confirmed"],
            tuple(row["panels"]),
        )
        for row in rows
    ]


def replace_characters(bind: Bind, novel: str, cast: Sequence[Character]) -> ReplaceCounts:
    """Make the stored cast equal to `cast`, names of which are distinct. Raises UnknownNovel."""
    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "gender": one.gender,
            "confirmed": one.confirmed,
            "mentions": one.mentions,
            "aliases": Jsonb(dict(one.aliases)),
            "chapters": Jsonb({str(chapter): count for chapter, count in one.chapters.items()}),
            "panels": list(one.panels),
            "starts": [start for start, _ in one.places],
            "ends": [end for _, end in one.places],
        }
        for one in cast
    ]
    same = {one.name: one for one in load_characters(bind, novel)} == {one.name: _plain(one) for one in cast}
    return replace_all(bind, novel, rows, same, queries.delete_characters, queries.add_character)


def load_looks(bind: Bind, novel: str) -> list[Look]:
    """What the text says of its characters' looks, contradictions first; [] where nothing is stored."""
    with reading(bind) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return [Look(**row) for row in cursor.execute(queries.looks, {"novel": novel}).fetchall()]


def replace_looks(bind: Bind, novel: str, looks: Sequence[Look]) -> ReplaceCounts:
    """Make the stored statements equal to `looks`, in their order. Raises UnknownNovel."""
    same = load_looks(bind, novel) == list(looks)
    rows = [{"ordinal": number, **vars(look)} for number, look in enumerate(looks, 1)]
    return replace_all(bind, novel, rows, same, queries.delete_looks, queries.add_look)


def replace_all(
    bind: Bind, novel: str, rows: Sequence[Mapping[str, Any]], same: bool, delete_others: sql.SQL, write: sql.SQL
) -> ReplaceCounts:
    """Delete a novel's rows and add these, in one transaction; nothing is written when they are the `same`."""
    if same:
        return ReplaceCounts(0, len(rows), 0)
    with transaction(bind) as connection, connection.cursor() as cursor:
        lock_novel(connection, novel)
        number = novel_id(connection, novel)
        deleted = cursor.execute(delete_others, {"number": number}).rowcount
        if rows:
            cursor.executemany(write, [{"number": number, **row} for row in rows])
    return ReplaceCounts(len(rows), 0, deleted)


def _plain(one: Character) -> Character:
    return replace(one, aliases=dict(one.aliases), chapters=dict(one.chapters), places=tuple(one.places))
