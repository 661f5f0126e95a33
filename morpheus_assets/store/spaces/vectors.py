"""Vectors of one space in and out: written by COPY under their content hash, read as float32, checked, collected."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import Composable, Identifier, Literal
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SentenceSpace, SpaceRow
from morpheus_assets.store.database.errors import InvalidVectors, SpaceGone
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, transaction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_COPY_TRAILER = struct.pack(">h", -1)

queries = load_queries(__file__)
# By SpaceRow.inputs.
ORPHANED = {
    "text": queries.orphaned_text,
    "titled": queries.orphaned_in_context,
    "window": queries.orphaned_in_context,
    "image": queries.orphaned_image,
}


@dataclass(frozen=True)
class VectorSummary:
    """The number of vectors, and the smallest and largest length among them (None: no vectors)."""

    rows: int
    smallest_norm: float | None
    largest_norm: float | None


def write_batch(bind: Bind, space: SpaceRow, hashes: Sequence[bytes], embeddings: "NDArray[np.float32]") -> int:
    """Store one batch in one transaction and return how many were new; those already there stay as they are.

    `embeddings` is float32 [len(hashes), space.dimensions]. Raises InvalidVectors (nothing is written) for a wrong
    shape, NaN, infinity or a vector of length zero, which a cosine index would silently leave out; SpaceGone.
    """
    rows = _COPY_HEADER + _copy_rows(space, hashes, embeddings) + _COPY_TRAILER
    if not hashes:
        return 0
    if isinstance(space, SentenceSpace):
        with transaction(bind) as connection:
            return _add_sentences(connection, space, rows)
    try:
        try:
            with _by_itself(bind) as connection, connection.cursor() as cursor:
                _copy(cursor, space.table, rows)
                return len(hashes)
        except psycopg.errors.UniqueViolation:
            with transaction(bind) as connection:
                return _add_missing(connection, space, rows)
    except psycopg.errors.UndefinedTable as fault:
        raise _gone(space) from fault


@contextmanager
def _by_itself(bind: Bind) -> Iterator[psycopg.Connection[Any]]:
    """What fails in the block leaves the transaction of a connection as it was."""
    with autocommit(bind) as connection:
        if isinstance(bind, Engine):
            yield connection
        else:
            with connection.transaction():
                yield connection


def _copy(cursor: psycopg.Cursor[Any], table: str, rows: bytes) -> None:
    with cursor.copy(queries.copy_vectors.format(table=Identifier(table))) as copy:
        copy.write(rows)


def _add_missing(connection: psycopg.Connection[Any], space: SpaceRow, rows: bytes) -> int:
    """By way of a temporary table, which takes twice as long: for a batch of which something is stored already."""
    with connection.cursor() as cursor:
        table = Identifier(space.table)
        cursor.execute(queries.stage_vectors.format(table=table))
        _copy(cursor, "staged_vectors", rows)
        new = cursor.execute(queries.add_staged_vectors.format(table=table)).rowcount
        cursor.execute(queries.unstage_vectors)
        return new


def _add_sentences(connection: psycopg.Connection[Any], space: SentenceSpace, rows: bytes) -> int:
    with connection.cursor() as cursor:
        cursor.execute(queries.stage_sentences)
        _copy(cursor, "staged_vectors", rows)
        try:
            new = cursor.execute(queries.add_staged_sentences, {"space": space.id}).rowcount
        except psycopg.errors.ForeignKeyViolation as fault:
            raise _gone(space) from fault
        cursor.execute(queries.unstage_vectors)
        return new


def vectors_of(space: SpaceRow) -> Composable:
    """What stands behind FROM, without a name, for the vectors of a space: `content_hash` and `embedding`."""
    if isinstance(space, SentenceSpace):
        return queries.vectors_of_sentences.format(space=Literal(space.id))
    return Identifier(space.table)


def read_vectors(bind: Bind, space: SpaceRow, hashes: Sequence[bytes]) -> "dict[bytes, NDArray[np.float32]]":
    """The stored vectors of some hashes, float32 [dimensions] each; those without one are left out."""
    query = queries.read_vectors.format(table=vectors_of(space))
    with autocommit(bind) as connection, connection.cursor(binary=True) as cursor:
        return {bytes(value): _decode(vector) for value, vector in cursor.execute(query, {"hashes": list(hashes)})}


def passage_vectors(bind: Bind, space: SpaceRow, hashes: Sequence[bytes]) -> "dict[bytes, NDArray[np.float32]]":
    """As `read_vectors`, by the hashes of passages, which in a space with context are not those of its inputs."""
    if not space.context:
        return read_vectors(bind, space, hashes)
    query = queries.read_vectors_of_passages.format(table=vectors_of(space))
    with autocommit(bind) as connection, connection.cursor(binary=True) as cursor:
        found = cursor.execute(query, {"context": space.context, "hashes": list(hashes)})
        return {bytes(value): _decode(vector) for value, vector in found}


def iter_vectors(
    bind: Bind, space: SpaceRow, *, rows_at_once: int = 1000
) -> "Iterator[tuple[list[bytes], NDArray[np.float32]]]":
    """All vectors of a space by content hash, in batches of (hashes, float32 [n, dimensions])."""
    import numpy as np

    query = queries.page_of_vectors.format(table=Identifier(space.table))
    after = b""
    while True:
        with autocommit(bind) as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, {"after": after, "limit": rows_at_once}).fetchall()
        if not rows:
            return
        after = bytes(rows[-1][0])
        yield [bytes(row[0]) for row in rows], np.stack([_decode(row[1]) for row in rows])


def holds_vectors(bind: Bind, space: SpaceRow) -> bool:
    """True when a space has a vector."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.any_vector.format(table=Identifier(space.table))).fetchone()
    return bool(row and row[0])


def vector_summary(bind: Bind, space: SpaceRow) -> VectorSummary:
    """Count a space's vectors and measure their lengths (a scan of the whole table)."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.vector_summary.format(table=Identifier(space.table))).fetchone()
    return VectorSummary(*(row or (0, None, None)))


def count_orphans(bind: Bind, space: SpaceRow) -> int:
    """The number of vectors that no passage or panel needs any more."""
    with autocommit(bind) as connection:
        query = queries.count_orphans.format(table=Identifier(space.table), orphaned=ORPHANED[space.inputs])
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def delete_orphans(bind: Bind, space: SpaceRow, *, dry_run: bool = True) -> int:
    """Delete the vectors that nothing needs, or only count them; what is needed is asked again inside the DELETE."""
    if dry_run:
        return count_orphans(bind, space)
    with autocommit(bind) as connection:
        query = queries.delete_orphans.format(table=Identifier(space.table), orphaned=ORPHANED[space.inputs])
        return connection.execute(query).rowcount


def keep_picture(bind: Bind, content_hash: bytes, file_name: str) -> None:
    """Mark a picture's vectors as wanted although it is no panel."""
    with autocommit(bind) as connection:
        connection.execute(queries.keep_picture, {"content_hash": content_hash, "file_name": file_name})


def _copy_rows(space: SpaceRow, hashes: Sequence[bytes], embeddings: "NDArray[np.float32]") -> bytes:
    """Rows by hash in Postgres's binary COPY format: field count, hash, halfvec (big-endian float16); made at once."""
    import numpy as np

    if embeddings.shape != (len(hashes), space.dimensions):
        raise InvalidVectors(
            f"The space {space.key} takes [{len(hashes)}, {space.dimensions}] numbers for {len(hashes)} inputs, but got"
            f" {list(embeddings.shape)}; nothing was stored."
        )
    if any(len(value) != 32 for value in hashes):
        raise InvalidVectors("A content hash has 32 bytes; nothing was stored.")
    with np.errstate(over="ignore"):
        halves = embeddings.astype(np.float16)
        largest = np.abs(embeddings).max(axis=1).astype(np.float16)
    # NaN is the largest, too.
    for what, bad in (("not finite", ~np.isfinite(largest)), ("of length zero", largest == 0)):
        if bad.any():
            first = int(np.argmax(bad))
            raise InvalidVectors(
                f"{int(bad.sum())} of {len(hashes)} vectors for {space.key} are {what} (the first for input"
                f" {hashes[first].hex()[:12]}); the batch was not stored."
            )
    size = space.dimensions
    kind = np.dtype([
        ("fields", ">i2"), ("hash_size", ">i4"), ("hash", "V32"),
        ("vector_size", ">i4"), ("dimensions", ">u2"), ("unused", ">u2"), ("vector", ">f2", (size,)),
    ])  # fmt: skip
    rows = np.zeros(len(hashes), dtype=kind)
    rows["fields"], rows["hash_size"], rows["vector_size"], rows["dimensions"] = 2, 32, 4 + 2 * size, size
    # Two writers of overlapping batches in different orders deadlock (5 of 5 times).
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    rows["hash"] = np.frombuffer(b"".join(hashes[place] for place in order), dtype="V32")
    rows["vector"] = halves[order]
    return rows.tobytes()


def _decode(sent: Any) -> "NDArray[np.float32]":
    import numpy as np

    return np.frombuffer(sent, dtype=">f2", offset=4).astype(np.float32)


def _gone(space: SpaceRow) -> SpaceGone:
    return SpaceGone(f"The space {space.key} was dropped meanwhile; nothing was stored.")
