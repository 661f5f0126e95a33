"""Whether a provider still gives the vectors it gave: a fixed sample embedded again, at most once a week.

The check that shows it is in embedding_checks.py; measurements are kept by store/upkeep.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from morpheus_assets.assets.embeddings import panel_input
from morpheus_assets.connected_providers import space_of
from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets.embedding.models import price_of
from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput
from morpheus_assets.embedding.stream import embed_batches
from morpheus_assets.resources import ContentFolderResource, ProvidersResource
from morpheus_assets.settings import Settings
from morpheus_assets.space_requirements import LOWEST_COSINE
from morpheus_assets.store.samples import SampledInput, fixed_sample
from morpheus_assets.store.space_rows import SpaceRow
from morpheus_assets.store.spending import record_spending
from morpheus_assets.store.upkeep import latest_drift, record_drift

SAMPLE = 20
A_WEEK = timedelta(days=6, hours=12)


@dataclass(frozen=True)
class DriftFinding:
    """What to say; `lowest_cosine` is None when nothing was measured."""

    passed: bool
    sentence: str
    lowest_cosine: float | None = None


def drift_of(
    engine: Engine, providers: ProvidersResource, settings: Settings, row: SpaceRow, *, measure: bool
) -> DriftFinding:
    """The latest measurement, or with `measure` a new one when that is a week old. A space a week old has none yet."""
    now, latest = datetime.now(UTC), latest_drift(engine, row)
    due = now - (latest.measured_at if latest else row.created_at) > A_WEEK
    if measure and due:
        try:
            lowest, count = measure_drift(engine, providers, settings, row)
        except EmbeddingError as fault:
            return DriftFinding(False, f"Drift could not be measured: {fault}")
        if count:
            record_drift(engine, row, count, lowest)
            return _judged(row, lowest, count, now)
    if latest is None:
        return DriftFinding(True, "Nothing is a week old yet, so there is nothing to compare with.")
    return _judged(row, latest.lowest_cosine, latest.inputs, latest.measured_at)


def measure_drift(engine: Engine, providers: ProvidersResource, settings: Settings, row: SpaceRow) -> tuple[float, int]:
    """Embed the fixed sample again: (lowest cosine to what is stored, inputs compared). Raises EmbeddingError."""
    import numpy as np

    sample = fixed_sample(engine, row, SAMPLE)
    space = space_of(row)
    stored = {each.input.content_hash: each.vector for each in sample}
    cosines: list[float] = []
    tokens = requests = 0
    for outcome in embed_batches(
        providers.open(space),
        _inputs(sample, row.purpose, ContentFolderResource(settings), settings.max_image_pixels),
        budget=providers.budget(space, engine),
        retry=providers.retry(),
        max_inputs=settings.inputs_per_request,
    ):
        if isinstance(outcome, EmbeddedBatch):
            tokens, requests = tokens + outcome.tokens, requests + outcome.requests
            for value, fresh in zip(outcome.hashes, outcome.embeddings, strict=True):
                old = stored[value]
                cosines.append(float(old @ fresh / (np.linalg.norm(old) * np.linalg.norm(fresh))))
    if cosines:
        cost = price_of(space, tokens)
        record_spending(engine, row, None, tokens=tokens, inputs=len(cosines), requests=requests, cost=cost)
    return min(cosines, default=1.0), len(cosines)


def _inputs(
    sample: Sequence[SampledInput], purpose: str, content: ContentFolderResource, max_pixels: int
) -> list[EmbeddingInput]:
    if purpose == "text":
        return [EmbeddingInput(each.input.content_hash, each.input.content) for each in sample]
    # A picture whose file is gone says nothing about the model.
    present = content.panels.there([each.input.content for each in sample])
    inputs = [each.input for each in sample if each.input.content in present]
    return [panel_input(content.read_panel, each, max_pixels) for each in inputs]


def _judged(row: SpaceRow, lowest: float, count: int, at: datetime) -> DriftFinding:
    measured = f"lowest cosine {lowest:.5f} over {count} inputs, measured {at:%Y-%m-%d}"
    if lowest >= LOWEST_COSINE:
        return DriftFinding(True, f"The vectors come out as they are stored: {measured}.", lowest)
    return DriftFinding(
        False,
        f"The provider changed the model under its name: {measured}. What is embedded now does not compare with what is"
        f" stored in {row.key}; drop that space and embed anew, or name another model.",
        lowest,
    )
