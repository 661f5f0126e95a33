"""Outcomes as they are stored: enough to draw a plot or to compare, without the texts of hundreds of questions."""

from typing import Any

from morpheus_assets.services.evaluation.measures import Outcome


def stored_outcome(outcome: Outcome) -> dict[str, Any]:
    """One outcome as JSON."""
    return {
        "question": outcome.question.question,
        "novel": outcome.question.novel,
        "kind": outcome.question.kind,
        "ranks": outcome.ranks,
    }
