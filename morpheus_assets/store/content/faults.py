"""What a person should look at: sources that could not be read, and sources that are gone. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row
from psycopg.sql import SQL

from morpheus_assets.domain.content import Tombstone
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, reading

queries = load_queries(__file__)


@dataclass(frozen=True)
class ContentFaults:
    """The reasons of refused sources, by novel, and the files that are gone while what was read of them is stored."""

    refused: Sequence[str]
    gone: Sequence[Tombstone]


def faults_of_novels(bind: Bind) -> ContentFaults:
    """Of the novels' files; reads no text and no chunk."""
    return _faults(bind, queries.refused_texts, "text")


def faults_of_panels(bind: Bind) -> ContentFaults:
    """Of the panels' files, each image by itself, behind the name of its novel."""
    return _faults(bind, queries.refused_pages, "panel")


def _faults(bind: Bind, query: SQL, kind: str) -> ContentFaults:
    with reading(bind) as connection, connection.pipeline():
        reasons = connection.execute(query)
        stones = connection.cursor(row_factory=class_row(Tombstone))
        stones.execute(queries.tombstones, {"still_stored": True})
    return ContentFaults([reason for (reason,) in reasons], [each for each in stones if each.kind == kind])
