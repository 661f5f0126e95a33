"""Measures as a person reads them in a terminal."""

from collections.abc import Mapping, Sequence

from morpheus_assets.services.evaluation.evaluate import Measured
from morpheus_assets.services.evaluation.measures import Measures, Outcome, by_kind, by_novel, failed

_SHOWN = 10


def describe_measured(measured: Measured, shown: int = _SHOWN) -> str:
    """What a space found: measures by kind and by novel, the questions that failed, and what was not asked."""
    outcomes = measured.outcomes
    parts = [
        f"{measured.space.key}: {len(outcomes)} questions, {measured.tokens:,} tokens",
        describe_table("kind", by_kind(outcomes)),
        describe_table("novel", by_novel(outcomes)),
        *_failures(failed(outcomes), shown),
        *measured.unknown,
    ]
    return "\n\n".join(part for part in parts if part)


def describe_table(name: str, rows: Mapping[str, Measures]) -> str:
    """Measures as a table, a line each."""
    if not rows:
        return ""
    width = max(len(name), *map(len, rows))
    lines = [f"{name:<{width}} {'asked':>6} {'@1':>6} {'@5':>6} {'@10':>6} {'MRR':>6} {'nDCG':>6}"]
    lines += [
        f"{key:<{width}} {found.questions:>6} {found.recall_1:>6.3f} {found.recall_5:>6.3f} {found.recall_10:>6.3f}"
        f" {found.mrr:>6.3f} {found.ndcg:>6.3f}"
        for key, found in rows.items()
    ]
    return "\n".join(lines)


def _failures(missed: Sequence[Outcome], shown: int) -> list[str]:
    if not missed:
        return []
    lines = [f"{len(missed)} questions whose answer is not among the first ten:"]
    lines += [
        f"- {outcome.question.question} ({outcome.question.novel})\n    instead: {outcome.instead}"
        for outcome in missed[:shown]
    ]
    return ["\n".join(lines)]
