"""How many inputs of a request a provider's endpoint takes, found by its refusals and remembered between runs."""

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit

queries = load_queries(__file__)

# A server may have been given more meanwhile: after so long it is found anew.
_KEPT_DAYS = 30


def found_limit(bind: Bind, account: str, model: str) -> int | None:
    """Inputs of one request that were found to pass, None where nothing was found in the last weeks."""
    with autocommit(bind) as connection:
        row = connection.execute(
            queries.found_limit, {"account": account, "model": model, "days": _KEPT_DAYS}
        ).fetchone()
    return row[0] if row is not None else None


def note_limit(bind: Bind, account: str, model: str, inputs: int) -> None:
    """Remember how many inputs a request may have."""
    with autocommit(bind) as connection:
        connection.execute(queries.note_limit, {"account": account, "model": model, "inputs": inputs})
