"""Who may pay for which missing hash: claims that are shared out between processes and die with their session.

A session holds an advisory lock on a connection of its own for as long as it lives; a claim whose session holds no
lock is nobody's. So kill -9 frees everything at once, and two processes share the work on one novel, or on one passage
that is in two novels, without paying twice. Needs real sessions: not through a transaction-pooling proxy.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from morpheus_assets.domain.content import NovelNames
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.transactions import transaction
from morpheus_assets.store.spaces.coverage import MissingInput, missing_page

# The first half of the advisory lock's key; `embedding_session_alive` in sql/ looks for the same number.
_LOCK_CLASS = 1297044050
_PAGE = 500


class EmbeddingSession:
    """The right to embed some novels' missing inputs in one space; made by `embedding_lock`.

    The loop that never pays twice and leaves nothing out:

        with embedding_lock(engine, space, novels) as session:
            while True:
                for outcome in embed_batches(provider, as_inputs(session.missing()), ...):
                    write_batch(...) or record_refusals(...)
                if not session.wait_for_others():
                    break
    """

    def __init__(
        self, engine: Engine, space: SpaceRow, novels: list[str], number: int, holder: psycopg.Connection[Any]
    ) -> None:
        self._engine = engine
        self._space = space
        self._novels = novels
        self._number = number
        self._holder = holder
        self._contended: set[bytes] = set()

    @property
    def contended(self) -> int:
        """How many hashes the last `missing` left to other sessions that are embedding them."""
        return len(self._contended)

    def missing(self) -> Iterator[MissingInput]:
        """Claim and yield, page by page, what lacks a vector; each hash once, whoever else is asking.

        Holds no transaction while the caller works. What a previous pass yielded must be finished with. Raises
        psycopg.OperationalError when the server restarted since: this session is forgotten, and a new one is needed.
        """
        self.release()
        self._contended.clear()
        for novel in self._novels:
            after = b""
            while True:
                self._holder.execute("SELECT")
                with transaction(self._engine) as connection:
                    page = missing_page(connection, self._space, novel, after, _PAGE)
                    mine = self._claim(connection, [row.content_hash for row in page])
                    # A second look, in a new snapshot: the vector may have come just before the claim became free.
                    granted = self._still_missing(connection, mine)
                yield from (row for row in page if row.content_hash in granted)
                if len(page) < _PAGE:
                    break
                after = page[-1].content_hash

    def wait_for_others(self, *, timeout_seconds: float = 3600.0, poll_seconds: float = 0.5) -> bool:
        """After a pass: wait until what others claimed is stored, or free because they gave up.

        True when something became free: make another pass. Own claims are released first, so two sessions that wait
        for each other both go on. Returns False at once when nothing was contended.
        """
        self.release()
        deadline = time.monotonic() + timeout_seconds
        while self._contended:
            with transaction(self._engine) as connection:
                missing = self._still_missing(connection, self._contended)
                if not missing:
                    break
                if missing - self._claimed_alive(connection, missing):
                    return True
            if time.monotonic() > deadline:
                return True
            time.sleep(poll_seconds)
        return False

    def release(self) -> None:
        """Give up every claim of this session."""
        with transaction(self._engine) as connection:
            connection.execute("DELETE FROM embedding_claims WHERE session_id = %s", [self._number])

    def _claim(self, connection: psycopg.Connection[Any], hashes: list[bytes]) -> set[bytes]:
        if not hashes:
            return set()
        wanted = {"space": self._space.id, "session": self._number, "hashes": hashes}
        # In the order of the hashes, else two sessions that claim overlapping pages lock each other out.
        granted = connection.execute(
            "INSERT INTO embedding_claims AS old (space_id, content_hash, session_id)"
            " SELECT %(space)s, h, %(session)s FROM unnest(%(hashes)s::bytea[]) h ORDER BY h"
            " ON CONFLICT (space_id, content_hash) DO UPDATE SET session_id = excluded.session_id"
            " WHERE NOT embedding_session_alive(old.session_id) RETURNING content_hash",
            wanted,
        ).fetchall()
        mine = {bytes(row[0]) for row in granted}
        left = [value for value in hashes if value not in mine]
        if left:
            own = connection.execute(
                "SELECT content_hash FROM embedding_claims WHERE space_id = %(space)s AND session_id = %(session)s"
                " AND content_hash = ANY(%(left)s)",
                {**wanted, "left": left},
            )
            self._contended.update(set(left) - {bytes(row[0]) for row in own})
        return mine

    def _still_missing(self, connection: psycopg.Connection[Any], hashes: set[bytes]) -> set[bytes]:
        if not hashes:
            return set()
        content = "chunks" if self._space.purpose == "text" else "panels"
        rows = connection.execute(
            f"SELECT h FROM unnest(%(hashes)s::bytea[]) h"  # noqa: S608
            f" WHERE NOT EXISTS (SELECT FROM {self._space.table} e WHERE e.content_hash = h)"
            f" AND NOT EXISTS (SELECT FROM refused_inputs r WHERE r.space_id = %(space)s AND r.content_hash = h)"
            f" AND EXISTS (SELECT FROM {content} c WHERE c.content_hash = h)".encode(),
            {"hashes": sorted(hashes), "space": self._space.id},
        )
        return {bytes(row[0]) for row in rows}

    def _claimed_alive(self, connection: psycopg.Connection[Any], hashes: set[bytes]) -> set[bytes]:
        rows = connection.execute(
            "SELECT content_hash FROM embedding_claims WHERE space_id = %s AND content_hash = ANY(%s)"
            " AND session_id IN (SELECT session_id FROM (SELECT DISTINCT session_id FROM embedding_claims) s"
            "   WHERE embedding_session_alive(session_id))",
            [self._space.id, sorted(hashes)],
        )
        return {bytes(row[0]) for row in rows}


@contextmanager
def embedding_lock(engine: Engine, space: SpaceRow, novels: NovelNames) -> Iterator[EmbeddingSession]:
    """Open a session for embedding `novels` in `space`; never blocks, and is gone with the process."""
    # Detached: a pooled connection could go back with its lock still held.
    fairy = engine.raw_connection()
    holder = fairy.driver_connection
    fairy.detach()
    if not isinstance(holder, psycopg.Connection):
        raise TypeError("the store needs psycopg 3 connections")
    try:
        number = _begin(holder)
        names = [novels] if isinstance(novels, str) else list(dict.fromkeys(novels))
        session = EmbeddingSession(engine, space, names, number, holder)
        try:
            yield session
        finally:
            # A server that is away cannot be told, and need not be: claims end with this connection.
            with suppress(psycopg.Error, DBAPIError):
                session.release()
    finally:
        fairy.close()


def _begin(holder: psycopg.Connection[Any]) -> int:
    holder.autocommit = True
    # A machine that loses its power says no goodbye: notice within a minute, and never time out while embedding.
    holder.execute("SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3")
    holder.execute("SET idle_session_timeout = 0")
    row = holder.execute("SELECT nextval('embedding_sessions')::integer").fetchone()
    number = int(row[0]) if row else 0
    holder.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCK_CLASS, number])
    # What dead sessions left: any living one may sweep, and only whole sessions go.
    holder.execute(
        "DELETE FROM embedding_claims WHERE session_id IN (SELECT session_id FROM"
        " (SELECT DISTINCT session_id FROM embedding_claims) s WHERE NOT embedding_session_alive(session_id))"
    )
    return number
