"""The gate before a switch: a space that finds worse beyond doubt does not answer by itself.

What is already decided for the present questions is read; deciding asks both spaces, costs tokens, and is a run's work.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import ContentUnreadable
from morpheus_assets.store.database.errors import SpaceGone
from morpheus_assets.store.evaluation.outcomes import add_measurement, note_verdict, verdict_on
from morpheus_assets.store.evaluation.questions import list_questions, questions_digest

if TYPE_CHECKING:
    from morpheus_assets.services.evaluation.evaluate import Measured


def reason_against(engine: Engine, row: SpaceRow, active: SpaceRow | None) -> str | None:
    """Why `row` is not to take the place of `active`, as decided for the present questions; None when nothing is."""
    if active is None or active.id == row.id:
        return None
    verdict = verdict_on(engine, row, active)
    if verdict is None or not verdict.is_worse or verdict.questions_digest != questions_digest(engine):
        return None
    return verdict.reason


def decide_switch(engine: Engine, settings: Settings, row: SpaceRow, active: SpaceRow) -> str | None:
    """Ask both spaces; the reason why `row` is not to answer in place of `active`, None when it may.

    The stored vectors alone are asked: words and nearest sentences find a quotation even where the vectors are rubbish,
    and nobody quotes all the time. Judged questions decide where there are enough of them, else made ones too. What
    cannot be compared is not held back: fewer than 20 questions, or a present space that does not answer any more.
    Raises embedding.errors when the provider of `row` itself cannot be asked.
    """
    # the sensor only reads verdicts, and needs none of what asks
    from morpheus_assets.services.evaluation.comparison import FEWEST_QUESTIONS, compare
    from morpheus_assets.services.evaluation.evaluate import evaluate, questions_for
    from morpheus_assets.services.evaluation.question_files import take_in_questions

    # a folder that cannot be read leaves the questions that were taken in before
    with suppress(ContentUnreadable):
        take_in_questions(engine, settings)
    judged = list_questions(engine)
    questions = judged if len(judged) >= FEWEST_QUESTIONS else questions_for(engine, judged)
    if len(questions) < FEWEST_QUESTIONS:
        return None
    digest = questions_digest(engine)
    new = evaluate(engine, settings, row, questions, mode="vector")
    try:
        old = evaluate(engine, settings, active, questions, mode="vector")
    except (EmbeddingError, SpaceGone):
        return None
    found = compare(new.outcomes, old.outcomes)
    reason = (
        f"{row.key} finds worse than {active.key}, which goes on answering: {found}. `morpheus evaluate --mode vector"
        f" --space {active.key} --space {row.key}` shows where; `morpheus spaces activate {row.key} --anyway` switches"
        " all the same."
    )
    note_verdict(engine, row, active, digest, is_worse=found.is_worse, reason=reason)
    return reason if found.is_worse else None


def remember(engine: Engine, measured: "Measured", digest: str) -> None:
    """Store what a space found for the questions of a digest."""
    add_measurement(engine, measured.space, digest, [outcome.as_json() for outcome in measured.outcomes])
