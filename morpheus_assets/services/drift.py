"""Drift of a provider's model: a fixed sample embedded again, at most once a week, and compared with what is stored.

The check that shows it is in defs/checks/embeddings.py; measurements are kept by store/spaces/drift.py.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import LOWEST_COSINE, SpaceRow
from morpheus_assets.domain.unit_vectors import cosine
from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets.embedding.packs import EmbeddedBatch, UnansweredRequest
from morpheus_assets.services.configured_spaces import price_of
from morpheus_assets.services.embed_novels import Embed
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.spending import record_spending, record_uncertain_spending
from morpheus_assets.store.spaces.drift import Drift, SampledInput, fixed_sample, record_drift

SAMPLE = 20
A_WEEK = timedelta(days=6, hours=12)


@dataclass(frozen=True)
class DriftFinding:
    """The verdict as a sentence; `lowest_cosine` is None when nothing was measured."""

    passed: bool
    sentence: str
    lowest_cosine: float | None = None


def drift_of(
    engine: Engine,
    settings: Settings,
    row: SpaceRow,
    latest: Drift | None,
    embed: Embed,
    present: Callable[[Collection[str]], set[str]] | None,
    *,
    measure: bool,
) -> DriftFinding:
    """The `latest` measurement, or with `measure` a new one when that is a week old.

    `embed` is the space's own way from inputs to vectors; `present` says which panels, by path, still lie there
    (None for passages, which are stored).
    """
    now = datetime.now(UTC)
    due = now - (latest.measured_at if latest else row.created_at) > A_WEEK
    if measure and due:
        try:
            lowest, count = measure_drift(engine, settings, row, embed, present)
        except EmbeddingError as fault:
            return DriftFinding(False, f"Drift could not be measured: {fault}")
        if count:
            record_drift(engine, row, count, lowest)
            return _judged(row, lowest, count, now)
    if latest is None:
        return DriftFinding(True, "Nothing is a week old yet, so there is nothing to compare with.")
    return _judged(row, latest.lowest_cosine, latest.inputs, latest.measured_at)


def measure_drift(
    engine: Engine,
    settings: Settings,
    row: SpaceRow,
    embed: Embed,
    present: Callable[[Collection[str]], set[str]] | None,
) -> tuple[float, int]:
    """Embed the fixed sample again: (lowest cosine to what is stored, inputs compared). Raises EmbeddingError."""
    # A picture whose file is gone says nothing about the model.
    sample = fixed_sample(engine, row, SAMPLE)
    if present is not None:
        there = present([each.input.content for each in sample])
        sample = [each for each in sample if each.input.content in there]
    return compare_again(engine, settings, row, embed, sample)


def compare_again(
    engine: Engine, settings: Settings, row: SpaceRow, embed: Embed, sample: Sequence[SampledInput]
) -> tuple[float, int]:
    """Embed stored inputs again, as spending without a novel: (lowest cosine to their vectors, inputs compared).

    Raises EmbeddingError.
    """
    stored = {each.input.content_hash: each.vector for each in sample}
    cosines: list[float] = []
    tokens = requests = 0
    for outcome in embed(row, [each.input for each in sample]):
        if isinstance(outcome, UnansweredRequest):
            record_uncertain_spending(
                engine, row, None, tokens=outcome.tokens, inputs=outcome.inputs, requests=outcome.requests,
                cost=price_of(settings, row, outcome.tokens),
            )  # fmt: skip
        if isinstance(outcome, EmbeddedBatch):
            tokens, requests = tokens + outcome.tokens, requests + outcome.requests
            for value, fresh in zip(outcome.hashes, outcome.embeddings, strict=True):
                cosines.append(cosine(stored[value], fresh))
    if cosines:
        cost = price_of(settings, row, tokens)
        record_spending(engine, row, None, tokens=tokens, inputs=len(cosines), requests=requests, cost=cost)
    return min(cosines, default=1.0), len(cosines)


def _judged(row: SpaceRow, lowest: float, count: int, at: datetime) -> DriftFinding:
    measured = f"lowest cosine {lowest:.5f} over {counted(count, 'input')}, measured {at:%Y-%m-%d}"
    if lowest >= LOWEST_COSINE:
        return DriftFinding(True, f"The vectors come out as they are stored: {measured}.", lowest)
    return DriftFinding(
        False,
        f"The provider changed the model under its name: {measured}. What is embedded now does not compare with what is"
        f" stored in {row.key}; drop that space and embed anew, or name another model.",
        lowest,
    )
