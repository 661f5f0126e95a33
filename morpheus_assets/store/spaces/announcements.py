"""Announcements: what upkeep or a person is going to do to a space, so that it is not done before it was announced."""

from datetime import datetime

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit

queries = load_queries(__file__)


def announced(bind: Bind, action: str, space_key: str) -> datetime | None:
    """The time at which `action` was announced for a space; None when it was not, and must not be done yet."""
    with autocommit(bind) as connection:
        row = connection.execute(queries.announced_at, {"action": action, "space_key": space_key}).fetchone()
    return row[0] if row else None


def announce(bind: Bind, action: str, space_key: str) -> None:
    """Note that `action` was announced; the first announcement counts."""
    with autocommit(bind) as connection:
        connection.execute(queries.announce, {"action": action, "space_key": space_key})


def withdraw(bind: Bind, action: str, space_key: str) -> None:
    """Forget an announcement: it was done, or there is no reason for it any more."""
    with autocommit(bind) as connection:
        connection.execute(queries.withdraw, {"action": action, "space_key": space_key})
