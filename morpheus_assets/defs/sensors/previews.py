"""A tick that Dagster evaluates only to show it: "Preview tick result" in the UI, and `dagster sensor preview`.

A preview runs the same code as a tick, and nothing of it may last. Dagster says so nowhere in the context: a tick has
its number at the end of the key of its log, a preview the time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.store.database.transactions import Bind


def is_preview(context: dg.SensorEvaluationContext) -> bool:
    """True when the evaluation is shown to a person and belongs to no tick."""
    key = context.log_key
    return key is not None and not key[-1].isdigit()


@contextmanager
def unsaved_in_a_preview(context: dg.SensorEvaluationContext, engine: "Engine") -> "Iterator[Bind]":
    """The database for an evaluation that notes what it has seen: in a preview a transaction that is rolled back."""
    if not is_preview(context):
        yield engine
        return
    with engine.connect() as connection, connection.begin() as unsaved:
        try:
            yield connection
        finally:
            unsaved.rollback()
