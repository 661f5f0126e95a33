"""Embedding spaces as stored: their rows, their tables, and their way from building to ready, active, retired, gone."""

import time
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row
from psycopg.sql import Identifier

from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.store.database.errors import SpaceError, SpaceIncomplete
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, reading, transaction
from morpheus_assets.store.spaces.coverage import missing_count

queries = load_queries(__file__)

# So long does `drop` try again while readers hold the table.
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class SpaceSize:
    """Rows and bytes on disk of one space's table and of its indexes (primary key included)."""

    key: str
    rows: int
    table_bytes: int
    index_bytes: int


def register_space(bind: Bind, space: Space) -> SpaceRow:
    """Store a space and make its table, or return the one stored under its key; safe from many processes at once.

    Raises SpaceError when the key is stored with another fingerprint: two models must not share a table.
    """
    with reading(bind) as connection:
        stored = _find(connection, space.key)
    return stored_or_made(bind, space, stored)


def stored_or_made(bind: Bind, space: Space, stored: SpaceRow | None) -> SpaceRow:
    """As `register_space`, for who has just looked for it: `stored` is what was found under its key."""
    if stored is None:
        with transaction(bind) as connection:
            connection.execute(queries.lock_spaces)
            stored = _find(connection, space.key) or _create(connection, space)
    if stored.fingerprint != space.fingerprint:
        raise SpaceError(
            f"The space {space.key} is stored with another fingerprint ({stored.fingerprint[:12]}, now"
            f" {space.fingerprint[:12]}): the model or its preparation changed under the same name. Retire and drop the"
            f" stored one (morpheus spaces drop {space.key}) to embed everything anew."
        )
    return stored


def get_space(bind: Bind, key: str) -> SpaceRow:
    """One stored space as it is now. Raises SpaceError when there is none of that key."""
    with reading(bind) as connection:
        found = _find(connection, key)
        if found is not None:
            return found
        known = ", ".join(row[0] for row in connection.execute(queries.keys_of_spaces))
    raise SpaceError(f"No embedding space {key!r} is stored; stored are: {known or 'none'}.")


def list_spaces(bind: Bind, purpose: str | None = None) -> list[SpaceRow]:
    """All stored spaces, oldest first, of one purpose ("text", "image") or both."""
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(SpaceRow)) as cursor:
        return cursor.execute(queries.list_spaces, {"purpose": purpose}).fetchall()


def active_space(bind: Bind, purpose: str) -> SpaceRow | None:
    """The space that answers searches of a purpose now; its own model must embed the query."""
    with reading(bind) as connection, connection.cursor(row_factory=class_row(SpaceRow)) as cursor:
        return cursor.execute(queries.active_space, {"purpose": purpose}).fetchone()


def active_spaces(bind: Bind) -> dict[str, SpaceRow]:
    """The spaces that answer searches now, by purpose, in one round trip."""
    with reading(bind) as connection, connection.cursor(row_factory=class_row(SpaceRow)) as cursor:
        return {row.purpose: row for row in cursor.execute(queries.active_spaces)}


def activate_first(bind: Bind, key: str) -> bool:
    """Make a space active if none of its purpose is, whole or not; True when it became so."""
    with reading(bind) as connection:
        if connection.execute(queries.any_active_beside, {"key": key}).rowcount:
            return False
    with transaction(bind) as connection:
        connection.execute(queries.lock_spaces)
        space = _get(connection, key)
        taken = connection.execute(queries.any_active, {"purpose": space.purpose}).rowcount
        if taken == 0:
            _move_pointer(connection, space)
        return taken == 0


def mark_ready(bind: Bind, key: str) -> SpaceRow:
    """Mark a building space as whole. Raises SpaceIncomplete with the number that lacks vectors."""
    with transaction(bind) as connection:
        connection.execute(queries.lock_spaces)
        space = _get(connection, key)
        _refuse_incomplete(connection, space)
        connection.execute(queries.set_ready, {"space": space.id})
        return _get(connection, key)


def activate(bind: Bind, key: str, *, previous_becomes: str = "retired", allow_gaps: bool = False) -> SpaceRow:
    """Make a space answer searches: coverage is checked and the pointer moved in one transaction.

    The space that answered before becomes "retired" (its retention begins) or "ready" (kept as a standby). Works from
    any state, so also back to an old one; `allow_gaps` then lets one answer that lacks what came since. Raises
    SpaceIncomplete, and then nothing changed.
    """
    if previous_becomes not in ("retired", "ready"):
        raise ValueError(f"previous_becomes must be 'retired' or 'ready', not {previous_becomes!r}")
    with transaction(bind) as connection:
        connection.execute(queries.lock_spaces)
        space = _get(connection, key)
        if space.state == "active":
            return space
        if not allow_gaps:
            _refuse_incomplete(connection, space)
        connection.execute(queries.replace_active, {"state": previous_becomes, "purpose": space.purpose})
        _move_pointer(connection, space)
        return _get(connection, key)


def retire(bind: Bind, key: str) -> SpaceRow:
    """Begin a space's retention; it keeps its vectors until dropped. Raises SpaceError for an active one."""
    with transaction(bind) as connection:
        connection.execute(queries.lock_spaces)
        space = _get(connection, key)
        _refuse_active(space, "retired")
        connection.execute(queries.set_retired, {"space": space.id})
        return _get(connection, key)


def revive(bind: Bind, key: str) -> SpaceRow:
    """Take a retired space back into use as one that is building: its vectors count, new content is added."""
    with transaction(bind) as connection:
        connection.execute(queries.set_building, {"key": key})
        return _get(connection, key)


def drop(bind: Bind, key: str, *, only_retired: bool = False) -> None:
    """Delete a space with all its vectors. Raises SpaceError for an active one, or when readers never let go.

    `only_retired` also refuses one that came back into use meanwhile.

    A DROP that waits makes every later reader wait behind it, so it gives up after half a second and tries again.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with transaction(bind) as connection:
                connection.execute(queries.lock_spaces)
                connection.execute(queries.wait_briefly_for_locks)
                space = _get(connection, key)
                _refuse_active(space, "dropped")
                if only_retired and space.state != "retired":
                    raise SpaceError(f"The space {key} came back into use and was not dropped.")
                at_work = connection.execute(queries.open_job_of_space, {"space": space.id}).fetchone()
                if at_work is not None:
                    raise SpaceError(
                        f"The batch job {at_work[0]} of {key} has not ended, and its answers would be lost: cancel it"
                        " (`morpheus batches cancel`), or wait."
                    )
                connection.execute(queries.drop_vectors.format(table=Identifier(space.table)))
                connection.execute(queries.delete_space, {"space": space.id})
                if space.context:
                    connection.execute(queries.forget_contexts)
                return
        except psycopg.errors.LockNotAvailable as fault:
            if time.monotonic() > deadline:
                raise SpaceError(
                    f"The space {key} is in use all the time and was not dropped; try again later."
                ) from fault
            time.sleep(0.1)


def space_sizes(bind: Bind) -> list[SpaceSize]:
    """Rows (counted) and bytes of every stored space, by key."""
    sizes = []
    with transaction(bind) as connection:
        for space in list_spaces(bind):
            query = queries.space_size.format(table=Identifier(space.table))
            row = connection.execute(query, {"table": space.table}).fetchone()
            sizes.append(SpaceSize(space.key, *(row or (0, 0, 0))))
    return sorted(sizes, key=lambda size: size.key)


def _create(connection: psycopg.Connection, space: Space) -> SpaceRow:
    connection.execute(queries.add_space, {**vars(space), "fingerprint": space.fingerprint, "context": space.context})
    made = _get(connection, space.key)
    table = Identifier(made.table)
    connection.execute(queries.create_vectors.format(table=table, dimensions=made.dimensions))
    connection.execute(queries.store_vectors_plain.format(table=table))
    return made


def _find(connection: psycopg.Connection, key: str) -> SpaceRow | None:
    with connection.cursor(row_factory=class_row(SpaceRow)) as cursor:
        return cursor.execute(queries.find_space, {"key": key}).fetchone()


def _get(connection: psycopg.Connection, key: str) -> SpaceRow:
    found = _find(connection, key)
    if found is None:
        raise SpaceError(f"No embedding space {key!r} is stored.")
    return found


def _move_pointer(connection: psycopg.Connection, space: SpaceRow) -> None:
    connection.execute(queries.set_active, {"space": space.id})
    connection.execute(queries.move_pointer, {"purpose": space.purpose, "space": space.id})


def _refuse_active(space: SpaceRow, what: str) -> None:
    if space.state == "active":
        raise SpaceError(
            f"The space {space.key} answers searches now and cannot be {what}; activate another one first."
        )


def _refuse_incomplete(connection: psycopg.Connection, space: SpaceRow) -> None:
    missing = missing_count(connection, space)
    if missing:
        kind = "passages" if space.purpose == "text" else "panels"
        raise SpaceIncomplete(
            f"The space {space.key} lacks vectors for {missing} {kind}; embed them first (morpheus reembed),"
            " searches go on with the present space."
        )
