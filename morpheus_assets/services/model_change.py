"""A model that its provider changed under the same name, noticed before the first vector of a run is stored.

A few stored passages, the shortest of a fixed sample, are embedded again: well under a cent a month. The weekly
measurement over a larger sample is drift.py's.
"""

import time
from datetime import timedelta

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.services.drift import compare_again
from morpheus_assets.services.embed_novels import Embed
from morpheus_assets.settings import Settings
from morpheus_assets.store.spaces.drift import fixed_sample
from morpheus_assets.store.spaces.model_checks import model_check_due, record_model_check

LOWEST = 0.99
EVERY = timedelta(hours=1)
REFERENCES = 3
_SAMPLE = 20


class ModelChanged(ConfigurationError):
    """The provider gives other vectors than those stored; the message names both ways out."""


def verify_model(engine: Engine, settings: Settings, row: SpaceRow, embed: Embed) -> float | None:
    """Embed the references of a space again, at most once an hour; the seconds that it took, None when it was not due.

    Raises ModelChanged when one comes out below a cosine of .99 to what is stored, and the provider's EmbeddingError.
    A local model's weights are part of its space, and pictures have their weekly measurement.
    """
    if row.purpose != "text" or is_local(row) or not model_check_due(engine, row, EVERY):
        return None
    started = time.monotonic()
    sample = fixed_sample(engine, row, _SAMPLE)
    if row.inputs != "window":
        sample = sorted(sample, key=lambda each: each.input.token_count)[:REFERENCES]
    lowest, count = compare_again(engine, settings, row, embed, sample)
    if count and lowest < LOWEST:
        name = f"{row.provider}/{row.model}@{row.dimensions}"
        raise ModelChanged(
            f"{row.provider}/{row.model} gives other vectors than those stored in {row.key}: the lowest cosine over"
            f" {count} passages that were embedded again is {lowest:.3f}, and {LOWEST} is asked for. Nothing was"
            " stored. Either the provider, or the server behind its address, gives another model for now: wait, the"
            f" next run asks again. Or the change is meant: put a new revision, `{name}#2`, first in"
            " MORPHEUS_TEXT_SPACES, which is embedded anew beside the present space."
        )
    record_model_check(engine, row, lowest)
    return time.monotonic() - started
