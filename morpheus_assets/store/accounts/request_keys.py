"""Requests that carry a key, so that sending one again launches nothing twice; kept for a day."""

from dataclasses import dataclass

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)

KEPT_HOURS = 24
# A launch that takes longer than this has lost its process.
ABANDONED_SECONDS = 60.0


@dataclass(frozen=True)
class KnownRequest:
    """A request that was sent before under the same key; `job_id` is None while it is under way."""

    body_digest: bytes
    job_id: str | None


def begin_request(bind: Bind, digest: bytes, body_digest: bytes) -> KnownRequest | None:
    """Note a request, by the hash of caller, route and key; None when it is the first one, which then may launch."""
    with transaction(bind) as connection:
        connection.execute(queries.forget_expired_requests)
        wanted = {"digest": digest, "body_digest": body_digest, "hours": KEPT_HOURS}
        if connection.execute(queries.begin_request, wanted).rowcount:
            return None
        row = connection.execute(queries.find_request, {"digest": digest}).fetchone()
    # it was withdrawn in between: ask again
    return KnownRequest(bytes(row[0]), row[1]) if row else begin_request(bind, digest, body_digest)


def take_over_request(bind: Bind, digest: bytes) -> bool:
    """True when a request that was begun long ago has no job: its process is gone, and the caller goes on for it."""
    with transaction(bind) as connection:
        wanted = {"digest": digest, "seconds": ABANDONED_SECONDS}
        return connection.execute(queries.take_over_request, wanted).rowcount > 0


def finish_request(bind: Bind, digest: bytes, job_id: str) -> None:
    """Note what a request launched."""
    with transaction(bind) as connection:
        connection.execute(queries.finish_request, {"digest": digest, "job_id": job_id})


def abandon_request(bind: Bind, digest: bytes) -> None:
    """Let the next request with the same key take over at once."""
    with transaction(bind) as connection:
        connection.execute(queries.abandon_request, {"digest": digest})


def withdraw_request(bind: Bind, digest: bytes) -> None:
    """Forget a request that launched nothing: sent again, it is tried again."""
    with transaction(bind) as connection:
        connection.execute(queries.withdraw_request, {"digest": digest})
