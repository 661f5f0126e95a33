"""Claims on missing hashes: the right to pay for them, shared out between processes, which ends with a lease.

A claim is there as long as its session's lease, which a thread renews while the process lives. So two processes share
the work on one novel, or on one passage that is in two novels, without paying twice; what a killed one held is free
within a minute, and within seconds for those on the same machine.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.sql import Composed, Identifier
from sqlalchemy import Engine

from morpheus_assets.domain.content import NovelNames
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.content.contexts import place_novel
from morpheus_assets.store.database.leases import Lease, end_expired_leases, open_lease
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import autocommit, pipelined, transaction
from morpheus_assets.store.spaces.coverage import MissingInput, missing_page
from morpheus_assets.store.spaces.vectors import vectors_of

queries = load_queries(__file__)

_CONTENT = {
    "text": "chunks",
    "titled": "chunks_in_context",
    "window": "chunks_in_context",
    "image": "panels",
    "sentence": "scene_sentences",
}
_PAGE = 500
# Windows of some eighty passages.
_PAGE_OF_WINDOWS = 20
# By hash a page's regions come scattered: the more at a time, the more of one page are together.
_PAGE_OF_IMAGES = 4000


class Claims:
    """One session's claims on the missing inputs of some novels in one space; made by `open_claims`.

    The loop that never pays twice and leaves nothing out:

        with open_claims(engine, space, novels) as claims:
            while True:
                for outcome in embed_batches(provider, as_inputs(claims.missing()), ...):
                    write_batch(...) or record_refusals(...)
                if not claims.wait_for_others():
                    break
    """

    def __init__(self, engine: Engine, space: SpaceRow, novels: list[str], lease: Lease) -> None:
        self._engine = engine
        self._space = space
        self._novels = novels
        self._lease = lease
        self._contended: set[bytes] = set()
        self._claimed_any = False

    @property
    def contended(self) -> int:
        """The number of hashes that the last `missing` left to other sessions, which are embedding them."""
        return len(self._contended)

    def ensure(self) -> None:
        """Return while what was claimed is this session's; raises LeaseLost."""
        self._lease.ensure()

    def missing(self) -> Iterator[MissingInput]:
        """Claim and yield, page by page, what lacks a vector; each hash once, whoever else is asking.

        Holds no transaction while the caller works. What a previous pass yielded must be finished with. Raises
        LeaseLost, before anything is yielded that another session may have taken over: a new session is needed.
        """
        if self._claimed_any:
            self.release()
        self._contended.clear()
        size = {"image": _PAGE_OF_IMAGES, "window": _PAGE_OF_WINDOWS}.get(self._space.inputs, _PAGE)
        for novel in self._novels:
            if self._space.context:
                place_novel(self._engine, novel)
            after = b""
            while True:
                page, granted = self._claim_page(novel, after, size)
                # Regions of one page together: it is decoded once for all of them.
                for row in sorted(page, key=_page_of) if self._space.inputs == "image" else page:
                    if row.unit in granted:
                        self._lease.ensure()
                        yield row
                units = {row.unit for row in page}
                if len(units) < size:
                    break
                after = max(units)

    def wait_for_others(self, *, timeout_seconds: float = 3600.0, poll_seconds: float = 0.5) -> bool:
        """After a pass: wait until what others claimed is stored, or free because they gave up.

        True when something became free: make another pass. Own claims are released first, so two sessions that wait
        for each other both go on. Returns False at once when nothing was contended.
        """
        if not self._contended:
            # What is claimed ends with the lease, in a moment.
            return False
        self.release()
        deadline = time.monotonic() + timeout_seconds
        while self._contended:
            with transaction(self._engine) as connection:
                end_expired_leases(connection)
                missing = self._still_missing(connection, self._contended)
                if not missing:
                    break
                if missing - self._claimed(connection, missing):
                    return True
            if time.monotonic() > deadline:
                return True
            time.sleep(poll_seconds)
        return False

    def release(self) -> None:
        """Give up every claim of this session."""
        self._claimed_any = False
        with autocommit(self._engine) as connection:
            connection.execute(queries.delete_claims, {"session": self._lease.number})

    def _claim_page(self, novel: str, after: bytes, size: int) -> tuple[list[MissingInput], set[bytes]]:
        """The next page of what a novel lacks, and the units of it that are whole this session's to pay for."""
        wanted = {"space": self._space.id, "session": self._lease.number}
        try:
            with pipelined(self._engine) as connection:
                page = missing_page(connection, self._space, novel, after, size)
                hashes = [row.content_hash for row in page]
                if not hashes:
                    return page, set()
                self._claimed_any = True
                claiming = connection.execute(queries.claim, {**wanted, "hashes": hashes})
                owning = connection.execute(queries.own_claims, {**wanted, "hashes": hashes})
                # A second look, in a new snapshot: the vector may have come just before the claim became free.
                query = self._missing_of_them()
                missing = connection.execute(query, {**wanted, "hashes": hashes})
        except psycopg.errors.ForeignKeyViolation as fault:
            if fault.diag.constraint_name != "embedding_claims_lease":
                raise
            raise self._lease.lost() from fault
        granted, own = ({bytes(row[0]) for row in cursor} for cursor in (claiming, owning))
        self._contended.update(set(hashes) - own)
        due = granted & {bytes(row[0]) for row in missing}
        return page, {row.unit for row in page if row.content_hash in due} - {
            row.unit for row in page if row.content_hash not in granted
        }

    def _missing_of_them(self) -> Composed:
        content = Identifier(_CONTENT[self._space.inputs])
        return queries.still_missing.format(table=vectors_of(self._space), content=content)

    def _still_missing(self, connection: psycopg.Connection[Any], hashes: set[bytes]) -> set[bytes]:
        if not hashes:
            return set()
        query = self._missing_of_them()
        rows = connection.execute(query, {"hashes": sorted(hashes), "space": self._space.id})
        return {bytes(row[0]) for row in rows}

    def _claimed(self, connection: psycopg.Connection[Any], hashes: set[bytes]) -> set[bytes]:
        rows = connection.execute(queries.claimed, {"space": self._space.id, "hashes": sorted(hashes)})
        return {bytes(row[0]) for row in rows}


def _page_of(row: MissingInput) -> tuple[object, ...]:
    return row.page, row.content, row.entry, row.box or []


@contextmanager
def open_claims(engine: Engine, space: SpaceRow, novels: NovelNames) -> Iterator[Claims]:
    """Open a session of claims for embedding `novels` in `space`; its claims end with it."""
    names = [novels] if isinstance(novels, str) else list(dict.fromkeys(novels))
    with open_lease(engine) as lease:
        # Its claims end with the lease.
        yield Claims(engine, space, names, lease)
