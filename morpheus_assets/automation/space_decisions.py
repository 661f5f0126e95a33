"""Decides how stored spaces move between their states, from what the settings name and what is whole. Pure functions.

What is done about it, and said, is in space_sensors.py; by hand the same moves are `morpheus spaces`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.spaces.coverage import Coverage

Move = Literal["revive", "retire", "prepare", "activate", "wait"]


@dataclass(frozen=True)
class Decision:
    """One move of one space and the sentence that says why; "wait" moves nothing."""

    move: Move
    row: SpaceRow
    why: str


def decide(
    configured: Sequence[str],
    wanted: Collection[str],
    rows: Sequence[SpaceRow],
    covered: Callable[[SpaceRow], Coverage],
    *,
    kept_by_hand: bool = False,
) -> list[Decision]:
    """The moves of one purpose's spaces.

    `configured` are keys in the settings' order, the first of which is to answer; `wanted` also holds spaces that are
    filled without ever answering by themselves. `covered` counts what a space has and lacks; it is asked only where
    that decides something. `kept_by_hand`: a person chose the active space in place of the first one.
    """
    active = next((row for row in rows if row.state == "active"), None)
    decisions = []
    for row in rows:
        is_wanted = row.key in wanted
        if row.state in ("building", "ready") and not is_wanted:
            decisions.append(Decision("retire", row, f"{row.key} is no longer in the settings: its retention begins."))
        elif row.state == "retired" and row.key in configured:
            decisions.append(Decision("revive", row, f"{row.key} is in the settings again: its vectors count again."))
        elif row.state == "building" and row.key in configured:
            decisions.append(_when_whole(row, covered(row)))
        elif row.state == "ready" and configured and row.key == configured[0]:
            decisions.append(_first(row, active, covered, kept_by_hand))
    return decisions


def _when_whole(row: SpaceRow, found: Coverage) -> Decision:
    things = "passages" if row.purpose == "text" else "panels"
    if not found.needed:
        return Decision("wait", row, f"{row.key} waits for the first {things}.")
    if not found.whole:
        missing = f"{found.missing:,} of {found.needed:,} {things} lack a vector"
        return Decision("wait", row, f"{row.key} is being filled: {missing}.")
    return Decision("prepare", row, f"{row.key} is whole: its index is built and checked.")


def _first(row: SpaceRow, active: SpaceRow | None, covered: Callable[[SpaceRow], Coverage], by_hand: bool) -> Decision:
    before = f" in place of {active.key}" if active else ""
    if by_hand and active:
        return Decision("wait", row, f"{active.key} was chosen by hand and goes on answering in place of {row.key}.")
    lacking = covered(row).missing
    if lacking:
        return Decision("wait", row, f"{row.key} is to answer{before}, but {lacking:,} inputs arrived meanwhile.")
    return Decision("activate", row, f"{row.key} answers {row.purpose} searches from now on{before}.")
