"""The stored questions with known answers, and the passages that questions are made of."""

from collections.abc import Mapping, Sequence

from psycopg.rows import class_row

from morpheus_assets.domain.questions import Question, StoredPassage
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading, transaction

queries = load_queries(__file__)


def replace_questions(bind: Bind, files: Mapping[str, Sequence[Question]]) -> None:
    """Store the questions of all files, in place of what was stored."""
    rows = [
        {
            "file": file, "ordinal": ordinal, "question": each.question, "novel": each.novel,
            "chapters": sorted(each.chapters), "quotation": each.quotation, "kind": each.kind,
        }
        for file, questions in sorted(files.items()) for ordinal, each in enumerate(questions, 1)
    ]  # fmt: skip
    with transaction(bind) as connection:
        connection.execute(queries.delete_questions)
        with connection.cursor() as cursor:
            cursor.executemany(queries.add_question, rows)


def list_questions(bind: Bind) -> list[Question]:
    """The stored questions, by file and line."""
    with reading(bind) as connection:
        rows = connection.execute(queries.list_questions).fetchall()
    return [
        Question(text, novel, frozenset(chapters), quotation, kind) for text, novel, chapters, quotation, kind in rows
    ]


def questions_digest(bind: Bind) -> str:
    """The same for the same stored questions."""
    with reading(bind) as connection:
        row = connection.execute(queries.questions_digest).fetchone()
    return str(row[0]) if row else ""


def novels_with_passages(bind: Bind) -> list[str]:
    """The keys of the novels that have passages, by name."""
    with reading(bind) as connection:
        return [row[0] for row in connection.execute(queries.novels_with_passages)]


def passages_of_novel(bind: Bind, novel: str) -> list[StoredPassage]:
    """A novel's distinct passages with their text, by hash."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(StoredPassage)) as cursor:
        return cursor.execute(queries.passages_of_novel, {"novel": novel}).fetchall()


def novel_body(bind: Bind, novel: str) -> str | None:
    """A novel's text, None when none of that name is stored."""
    with reading(bind) as connection:
        row = connection.execute(queries.novel_body, {"novel": novel}).fetchone()
    return row[0] if row else None
