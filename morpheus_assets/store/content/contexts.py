"""Chunks in the contexts of the spaces that embed more than the passage: which input each of them is there.

Kept in step with every change of a novel's chunks; its titles count as they are when the chunks were made or filled.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from morpheus_assets.domain.spaces import TITLES
from morpheus_assets.store.content.novel_rows import lock_novel
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, transaction

queries = load_queries(__file__)
# What stands before a passage `p` of the novel `n` and the chapter `h` in the context "titles".
TITLES_BEFORE = queries.titles_before
# More word pieces than a chapter has.
_WHOLE_CHAPTER = 2**31 - 1


@dataclass(frozen=True)
class SharedContext:
    """How many passages share the context of one, over all of them, and their word pieces."""

    passages: float
    word_pieces: float


def place_in_contexts(connection: psycopg.Connection[Any], novel: str) -> None:
    """Make the inputs of a novel those of its present chunks, for every context; the caller holds its lock."""
    connection.execute(queries.place_in_contexts.format(titles=TITLES_BEFORE), {"novel": novel})


def place_novel(bind: Bind, novel: str) -> None:
    """The same in a transaction of its own."""
    with transaction(bind) as connection:
        lock_novel(connection, novel)
        place_in_contexts(connection, novel)


def place_all(bind: Bind, context: str) -> None:
    """The same for every novel that was never placed in a context."""
    with autocommit(bind) as connection:
        novels = [str(row[0]) for row in connection.execute(queries.unplaced_novels, {"context": context})]
    for novel in novels:
        place_novel(bind, novel)


def shared_context(bind: Bind, context: str) -> SharedContext | None:
    """How much of what is stored shares the context of a passage: with titles its chapter; None with nothing stored."""
    together = _WHOLE_CHAPTER if context == TITLES else int(context.rpartition(" ")[2])
    with autocommit(bind) as connection:
        row = connection.execute(queries.passages_of_a_context, {"together": together}).fetchone()
    return SharedContext(*row) if row is not None and row[0] is not None else None
