"""Outages in the middle of the work: a sentence for a person about a fault of the database, and waiting it out.

A database that cannot be used from the start is explained by the engine.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from morpheus_assets.store.database.engine import raw, state_of
from morpheus_assets.store.database.statements import load_queries

queries = load_queries(__file__)

_Result = TypeVar("_Result")

# A Postgres that restarts is back within seconds; crash recovery after heavy loading takes up to a minute.
PATIENCE_SECONDS = 90.0
# Others let go of a connection within moments, or a person must act.
FULL_PATIENCE_SECONDS = 10.0
_LONGEST_PAUSE = 2.0
_SENTENCES = {
    "53100": "The database's disk is full: free some room on it and run again.",
    "53200": "The database is out of memory: give its machine more, or lower its settings, and run again.",
    "53300": "The database has no connection left: raise its max_connections or end other clients, and run again.",
    "25006": "The database only allows reading: it is a replica or was set so; use the main one and run again.",
    "42501": "The database refuses this user a right that is needed: let it own the tables, and run again.",
    "55P03": "A lock of the database was not given in time (lock_timeout): raise that for this user, and run again.",
    "57014": "The database cancelled a statement, after this user's statement_timeout or by a person's hand: raise that"
    " timeout if it is the reason, and run again.",
    "25P03": "The database ended a connection in the middle of the work: raise this user's"
    " idle_in_transaction_session_timeout, and run again.",
    "25P04": "The database ended a connection in the middle of the work: raise this user's transaction_timeout, and"
    " run again.",
    "58030": "The database cannot read or write its files: look at its log and its disk, and run again.",
}
_KEPT = " Nothing that was stored is lost."


def sentence_for(error: BaseException) -> str | None:
    """One sentence about a fault of the database; None when the error is none."""
    fault = _driver_fault(error)
    if fault is None:
        return None
    if passes_by_itself(error):
        return "The connection to the database was lost, and it did not come back in time: see that it runs." + _KEPT
    known = _SENTENCES.get(state_of(fault) or "")
    if known is None and "No space left on device" in str(fault):
        known = _SENTENCES["53100"]
    if known is None:
        first = (str(fault).strip().splitlines() or [type(fault).__name__])[0].rstrip(".")
        known = f"The database refuses the work ({first}): look at its log, and run again."
    return known + _KEPT


def passes_by_itself(error: BaseException) -> bool:
    """True when the server restarts, recovers or cannot be reached for a moment."""
    fault = _driver_fault(error)
    if fault is None or interruption_behind(error):
        return False
    state = state_of(fault)
    if state is None:
        return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith("08") or state in ("57P01", "57P02", "57P03", "57P05")


def interruption_behind(error: BaseException) -> BaseException | None:
    """The interruption (Ctrl-C, a cancelled run) that an error hides, or None.

    One that comes within a query leaves the connection busy; the rollback then fails, and its error takes the place of
    the interruption: cancelled runs went on to their end.
    """
    seen: BaseException | None = error
    while isinstance(seen, Exception):
        seen = seen.__cause__ or seen.__context__
    return seen


def retry_while_down(call: Callable[[], _Result], *, seconds: float | None = None) -> _Result:
    """Call again while the database is away, for as long as it takes to restart (`seconds`, by default 90).

    One that is there but has no connection left is asked again for 10 seconds, or for `seconds` where they are given.
    `call` must bear being repeated. Raises its error when that is another one, or when the time is up.
    """
    started = time.monotonic()
    pause = 0.1
    while True:
        try:
            return call()
        except Exception as error:
            interruption = interruption_behind(error)
            if interruption:
                raise interruption from error
            if passes_by_itself(error):
                patience = PATIENCE_SECONDS
            elif _is_full(error):
                patience = FULL_PATIENCE_SECONDS
            else:
                raise
            if time.monotonic() - started > (patience if seconds is None else seconds):
                raise
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)


def ping(engine: Engine) -> None:
    """Ask the server for nothing; raises psycopg.Error or DBAPIError when it is away."""
    with engine.connect() as connection:
        raw(connection).execute(queries.ping)


def _is_full(error: BaseException) -> bool:
    return state_of(_driver_fault(error)) == "53300"


def _driver_fault(error: BaseException) -> psycopg.Error | None:
    origin = error.orig if isinstance(error, DBAPIError) else error
    return origin if isinstance(origin, psycopg.Error) else None
