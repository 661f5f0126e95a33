"""Asks the active space, and a whole standby one when the active space's provider is down.

For every way of searching alike; how a question becomes a vector is the caller's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.embedding.errors import BillingError, EmbeddingError
from morpheus_assets.store.database.errors import SpaceGone
from morpheus_assets.store.search.hits import with_active_space
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import active_space, list_spaces

T = TypeVar("T")


@dataclass(frozen=True)
class Answered(Generic[T]):
    """A result with the space that it came from; `note` says why it was not the active one, else it is empty."""

    result: T
    space: SpaceRow
    note: str = ""


def provider_is_down(error: EmbeddingError) -> bool:
    """Whether another provider could answer where this one cannot: no answer, none to be trusted, no credit.

    A wrong setting is not that: a person must hear of it.
    """
    return error.retryable or isinstance(error, BillingError)


def standby_spaces(engine: Engine, active: SpaceRow) -> list[SpaceRow]:
    """The ready spaces of another provider than the active one's, those that lack nothing; the latest ready first."""
    ready = [
        row
        for row in list_spaces(engine, active.purpose)
        if row.state == "ready" and row.provider != active.provider and coverage(engine, row).whole
    ]
    return sorted(ready, key=lambda row: row.ready_at or row.created_at, reverse=True)


def ask_with_standby(engine: Engine, purpose: str, ask: Callable[[SpaceRow], T]) -> Answered[T]:
    """Call `ask` with the active space; when its provider is down, with each standby space until one answers.

    `ask` embeds with the model of the space it is given. Raises the active provider's own error when no standby
    answers either, and SpaceError when no space is active.
    """

    def ask_active(row: SpaceRow) -> Answered[T]:
        return Answered(ask(row), row)

    try:
        return with_active_space(engine, purpose, ask_active)
    except EmbeddingError as error:
        if not provider_is_down(error):
            raise
        active = active_space(engine, purpose)
        for row in standby_spaces(engine, active) if active else []:
            try:
                return Answered(ask(row), row, f"Answered by the standby space {row.key}: {error}")
            except (EmbeddingError, SpaceGone):
                continue
        raise


NOTHING_YET = "Nothing is embedded yet: drop a novel into the content folder and wait for its run."


NO_PANELS_YET = "No panels are embedded yet: drop images into panels/<novel>/ and wait for the run."


DEMO_NOTE = (
    "Answered by the demo model, which knows only the drawn sample panels; no panels of your own are embedded yet."
)
