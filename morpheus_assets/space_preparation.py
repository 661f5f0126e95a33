"""Makes a whole space ready to answer: its index built, its vectors and the index's recall checked.

For the Dagster face and for `serve` alike.
"""

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.space_requirements import LOWEST_RECALL
from morpheus_assets.store.database.errors import SpaceError
from morpheus_assets.store.spaces.indexes import ensure_index, index_recall
from morpheus_assets.store.spaces.spaces import get_space, mark_ready
from morpheus_assets.store.spaces.vectors import vector_summary


class SpaceUnfit(SpaceError):
    """A whole space failed its checks and must not answer by itself; the message says which."""


def prepare_space(engine: Engine, key: str) -> str:
    """Build and check a space's index, then mark the space ready; returns what was found.

    An index below the recall is built anew once. Raises SpaceUnfit, or SpaceIncomplete when something is missing.
    """
    row = get_space(engine, key)
    built = ensure_index(engine, row)
    row = get_space(engine, key)
    summary = vector_summary(engine, row)
    if summary.rows and not summary.smallest_norm:
        raise SpaceUnfit(f"{key} holds vectors of length zero, which no search finds; drop it and embed it anew.")
    recall = row.index_recall if built.action == "kept" and row.index_recall else index_recall(engine, row)
    if recall is not None and recall < LOWEST_RECALL:
        ensure_index(engine, row, rebuild=True)
        recall = index_recall(engine, row)
    if recall is not None and recall < LOWEST_RECALL:
        raise SpaceUnfit(
            f"The index of {key} finds {recall:.3f} of the true neighbours, and {LOWEST_RECALL} are asked for; the"
            f" present space goes on answering. `morpheus spaces activate {key}` switches all the same."
        )
    mark_ready(engine, key)
    found = f"{summary.rows:,} vectors of {row.dimensions} dimensions"
    return f"{key} is ready: {found}, {_index_in_words(row, recall)}."


def _index_in_words(row: SpaceRow, recall: float | None) -> str:
    if recall is None:
        return "few enough to be searched exactly, without an index"
    return f"index {row.index_kind}, recall {recall:.3f}"
