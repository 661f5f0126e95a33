from pathlib import Path

import pytest

from morpheus_assets.store.database.statements import Queries, load_queries

TWO = """-- Shelves ------------

-- name: books
-- The oldest first.
SELECT title -- as printed
FROM {table} WHERE shelf = %(shelf)s

-- name: shelves
SELECT shelf FROM shelves
"""


def queries(folder: Path, text: str) -> Queries:
    path = folder / "queries.sql"
    path.write_text(text)
    return Queries(path)


def test_a_statement_is_found_by_its_name_and_sent_without_what_is_written_for_its_readers(tmp_path: Path) -> None:
    found = queries(tmp_path, TWO)
    assert found.books.as_string() == "SELECT title -- as printed\nFROM {table} WHERE shelf = %(shelf)s"
    assert found.shelves.as_string() == "SELECT shelf FROM shelves"


def test_a_name_that_is_put_into_a_statement_is_quoted_and_a_value_is_a_literal(tmp_path: Path, engine) -> None:
    from psycopg.sql import Identifier

    found = queries(tmp_path, "-- name: rows\nSELECT FROM {table} LIMIT {rows} -- {word}")
    made = found.rows.format(table=Identifier('x"; DROP TABLE y'), rows=3, word="it's")
    assert made.as_string() == """SELECT FROM "x""; DROP TABLE y" LIMIT 3 -- 'it''s'"""


def test_an_unknown_name_is_told_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match=r"queries\.sql has no statement named book"):
        _ = queries(tmp_path, TWO).book


def test_two_statements_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same name"):
        queries(tmp_path, TWO + "\n-- name: books\nSELECT")


def test_the_modules_of_a_room_read_one_file_once(tmp_path: Path) -> None:
    queries(tmp_path, TWO)
    assert load_queries(str(tmp_path / "one.py")) is load_queries(str(tmp_path / "two.py"))
