"""Moves of spaces between their states: as the settings want it, and by hand, for `morpheus spaces`.

A space is building, ready, active or retired. The moves themselves are the store's; here is when, and what is said.
The sensor reads what is to be moved, a run moves it.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import LOWEST_RECALL, Space, SpaceRow
from morpheus_assets.services.configured_spaces import PURPOSES, configured_spaces, wanted_spaces
from morpheus_assets.services.evaluation.gate import decide_switch, reason_against
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.spending import SpendingTotal, spending_totals
from morpheus_assets.store.database.errors import SpaceError, SpaceIncomplete
from morpheus_assets.store.spaces.announcements import announce, announced, withdraw
from morpheus_assets.store.spaces.archive import export_space, restore_space
from morpheus_assets.store.spaces.coverage import Coverage, coverage
from morpheus_assets.store.spaces.indexes import SMALLEST_INDEXED, ensure_index, index_recall
from morpheus_assets.store.spaces.spaces import (
    SpaceSize,
    activate,
    active_space,
    active_spaces,
    drop,
    get_space,
    list_spaces,
    mark_ready,
    register_space,
    retire,
    revive,
    space_sizes,
)
from morpheus_assets.store.spaces.vectors import vector_summary

Move = Literal["register", "revive", "retire", "prepare", "activate", "wait"]


@dataclass(frozen=True)
class Decision:
    """One move of one space and the sentence that says why; "wait" moves nothing.

    `inputs` are the passages or panels with a vector, where they were counted.
    """

    move: Move
    row: SpaceRow
    why: str
    inputs: int = 0


@dataclass(frozen=True)
class IndexBuild:
    """An index that takes minutes to build: the key of its space, and a key that is the same for the same rows."""

    space: str
    run_key: str


@dataclass(frozen=True)
class Moves:
    """What the settings want of the stored spaces: `new` ones to register, `decisions` to carry out, large `builds`.

    `waiting` are sentences on the spaces that stay where they are.
    """

    new: tuple[Space, ...]
    decisions: tuple[Decision, ...]
    builds: tuple[IndexBuild, ...]
    waiting: tuple[str, ...]

    @property
    def why(self) -> list[str]:
        """A sentence for each space that is to be registered or moved now."""
        return [*(_is_new(space) for space in self.new), *(decision.why for decision in self.decisions)]

    @property
    def digest(self) -> str:
        """The same for the same work; empty when nothing is to be moved."""
        work = [f"register {space.fingerprint}" for space in self.new]
        work += [f"{each.move} {each.row.id} {each.row.state} {each.inputs}" for each in self.decisions]
        return hashlib.sha256("\n".join(work).encode()).hexdigest()[:16] if work else ""


class SpaceUnfit(SpaceError):
    """A whole space failed a check and must not answer by itself; the message says which."""


@dataclass(frozen=True)
class ListedSpace:
    """One stored space as it is listed; `place` is its place in the settings from 1, None when they do not name it.

    `held_back` is the reason why it does not answer by itself, where it was measured and finds worse.
    """

    row: SpaceRow
    covered: Coverage
    size: SpaceSize
    spent: SpendingTotal | None
    place: int | None
    held_back: str | None = None


def find_moves(engine: Engine, settings: Settings) -> Moves:
    """What is to be registered and moved, of both purposes. Reads only."""
    new: list[Space] = []
    decisions: list[Decision] = []
    builds: list[IndexBuild] = []
    waiting: list[str] = []
    for purpose in PURPOSES:
        new += unregistered(engine, settings, purpose)
        for decision in decisions_for(engine, settings, purpose):
            if decision.move == "wait":
                waiting.append(decision.why)
            elif decision.move == "prepare" and decision.inputs >= SMALLEST_INDEXED:
                builds.append(_build_of(decision))
            else:
                decisions.append(decision)
    return Moves(tuple(new), tuple(decisions), tuple(builds), tuple(waiting))


def make_moves(engine: Engine, settings: Settings) -> Iterator[Decision | SpaceError]:
    """Make the moves that `find_moves` finds, and those that follow from them; each once it is made.

    A large space's index is left to a run of its own. What a space itself stands against is given as the error, and
    the others go on; raises the store's other errors.
    """
    tried: set[tuple[str, str]] = set()
    while True:
        found = find_moves(engine, settings)
        todo = [each for each in found.decisions if (each.move, each.row.key) not in tried]
        new = [space for space in found.new if ("register", space.key) not in tried]
        if not todo and not new:
            return
        for space in new:
            tried.add(("register", space.key))
            try:
                row = register_space(engine, space)
            except SpaceError as fault:
                yield fault
            else:
                yield Decision("register", row, _is_new(space))
        for decision in todo:
            tried.add((decision.move, decision.row.key))
            try:
                yield _carry_out(engine, settings, decision)
            except SpaceError as fault:
                yield fault


def unregistered(engine: Engine, settings: Settings, purpose: str) -> list[Space]:
    """The configured spaces that have no row and table yet, by which they are listed."""
    stored = {row.key: row.fingerprint for row in list_spaces(engine, purpose)}
    return [space for space in configured_spaces(settings, purpose) if stored.get(space.key) != space.fingerprint]


def decisions_for(engine: Engine, settings: Settings, purpose: str) -> list[Decision]:
    """The moves of one purpose's stored spaces, as the settings want them."""
    configured = [space.key for space in configured_spaces(settings, purpose)]
    wanted = [space.key for space in wanted_spaces(settings, purpose)]
    rows = list_spaces(engine, purpose)
    active = next((row for row in rows if row.state == "active"), None)
    chosen = active is not None and announced(engine, _choice_by_hand(configured[0]), active.key) is not None
    return decide(
        configured,
        wanted,
        rows,
        lambda row: coverage(engine, row),
        kept_by_hand=chosen,
        held_back=lambda row: reason_against(engine, row, active),
    )


def decide(
    configured: Sequence[str],
    wanted: Collection[str],
    rows: Sequence[SpaceRow],
    covered: Callable[[SpaceRow], Coverage],
    *,
    kept_by_hand: bool = False,
    held_back: Callable[[SpaceRow], str | None] = lambda row: None,
) -> list[Decision]:
    """The moves of one purpose's spaces.

    `configured` are keys in the settings' order, the first of which is to answer; `wanted` also holds spaces that are
    filled without ever answering by themselves. `covered` counts what a space has and lacks; it is asked only where
    that decides something. `kept_by_hand`: a person chose the active space in place of the first one. `held_back` gives
    the reason why a space that was measured is not to answer.
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
            decisions.append(_first(row, active, covered, kept_by_hand, held_back))
    return decisions


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
    return f"{key} is ready: {found}, {_describe_index(row, recall)}."


def listed_spaces(engine: Engine, settings: Settings) -> list[ListedSpace]:
    """Every stored space, those for text first, by age."""
    sizes = {size.key: size for size in space_sizes(engine)}
    spent = {total.space_key: total for total in spending_totals(engine)}
    listed = []
    answering = active_spaces(engine)
    for row in sorted(list_spaces(engine), key=lambda each: (each.purpose != "text", each.id)):
        keys = [space.key for space in wanted_spaces(settings, row.purpose)]
        place = keys.index(row.key) + 1 if row.key in keys else None
        held = reason_against(engine, row, answering.get(row.purpose)) if row.state == "ready" else None
        listed.append(ListedSpace(row, coverage(engine, row), sizes[row.key], spent.get(row.key), place, held))
    return listed


def space_as_json(listed: ListedSpace) -> dict[str, Any]:
    """One space for machines: times are ISO 8601, costs US dollars."""
    row, covered, spent = listed.row, listed.covered, listed.spent
    times = {name: getattr(row, name) for name in ("ready_at", "activated_at", "retired_at")}
    return {
        "key": row.key, "purpose": row.purpose, "state": row.state, "place_in_settings": listed.place,
        "dimensions": row.dimensions, "needed": covered.needed, "missing": covered.missing, "refused": covered.refused,
        "vectors": listed.size.rows, "bytes": listed.size.table_bytes + listed.size.index_bytes,
        "index": row.index_kind, "recall": row.index_recall,
        "cost": float(spent.cost) if spent and spent.cost is not None else None,
        "uncertain_tokens": spent.uncertain_tokens if spent else 0,
        **{name: when and when.isoformat() for name, when in times.items()},
    }  # fmt: skip


def describe_space(listed: ListedSpace, retention_days: int) -> str:
    """One space for a person, in two lines, and a third one where it is held back."""
    row, covered, size = listed.row, listed.covered, listed.size
    share = 100 * (covered.present + covered.refused) / covered.needed if covered.needed else 100
    state = f"{row.state}, answers {row.purpose} searches" if row.state == "active" else f"{row.state}, {row.purpose}"
    if row.state == "retired" and row.retired_at:
        state += f", kept until {row.retired_at + timedelta(days=retention_days):%Y-%m-%d}"
    place = f"no. {listed.place} in the settings" if listed.place else "not in the settings"
    recall = f" recall {row.index_recall:.3f}" if row.index_recall is not None else ""
    index = f"{row.index_kind}{recall}" if row.index_kind else "exact search"
    spent = listed.spent
    cost = f", ${spent.cost:,.4f} spent" if spent is not None and spent.cost else ""
    if spent is not None and spent.uncertain_tokens:
        price = f"${spent.uncertain_cost:,.4f}" if spent.uncertain_cost is not None else "of unknown price"
        cost += f", perhaps {spent.uncertain_tokens:,} tokens more ({price}) for requests without an answer in time"
    return (
        f"{row.key}  [{state}; {place}]\n"
        f"    {share:.1f} % of {covered.needed:,} covered, {covered.missing:,} missing, {covered.refused:,} refused;"
        f" {size.rows:,} vectors, {(size.table_bytes + size.index_bytes) / 1e6:,.1f} MB, {index}{cost}"
        + (f"\n    {listed.held_back}" if listed.held_back else "")
    )


def activate_by_hand(engine: Engine, settings: Settings, key: str, *, anyway: bool = False) -> str:
    """Let a space answer, also an old one; `anyway` accepts that it lacks something or finds worse. Returns a sentence.

    Stays until the settings name another first space. Raises SpaceIncomplete with both ways out, and SpaceUnfit for a
    space that was measured and finds worse.
    """
    row = get_space(engine, key)
    before = active_space(engine, row.purpose)
    if before is not None and before.key == key:
        return f"{key} answers {row.purpose} searches already."
    if not anyway and (reason := reason_against(engine, row, before)):
        raise SpaceUnfit(reason)
    ensure_index(engine, row)
    previous = _state_of_the_replaced(engine, settings, row.purpose)
    try:
        activate(engine, key, previous_becomes=previous, allow_gaps=anyway)
    except SpaceIncomplete as fault:
        missing = coverage(engine, row).missing
        raise SpaceIncomplete(
            f"{key} lacks {counted(missing, 'vector')}: fill it first (name it in the settings and run"
            " `morpheus reembed`), or use --anyway, and searches by meaning will not find what is missing."
        ) from fault
    first = configured_spaces(settings, row.purpose)[0].key
    _forget_choices(engine, row.purpose)
    if key != first:
        announce(engine, _choice_by_hand(first), key)
    became = f"; {before.key} is {previous} now" if before else ""
    return f"{key} answers {row.purpose} searches from now on{became}."


def retire_by_hand(engine: Engine, settings: Settings, key: str) -> str:
    """Begin a space's retention. Raises SpaceError for one that answers, or that the settings name."""
    row = get_space(engine, key)
    if key in {space.key for space in wanted_spaces(settings, row.purpose)}:
        raise SpaceError(
            f"The settings name {key}, so it would come back at once: take it out of"
            f" MORPHEUS_{row.purpose.upper()}_SPACES and restart Dagster first."
        )
    retire(engine, key)
    return f"{key} is retired; upkeep drops it after {settings.retention_days} days (MORPHEUS_RETENTION_DAYS)."


def drop_by_hand(engine: Engine, settings: Settings, key: str) -> str:
    """Delete a space, exported first where an archive folder is set. Raises SpaceError for the one that answers."""
    row = get_space(engine, key)
    if row.state == "active":
        raise SpaceError(f"{key} answers searches now and cannot be dropped; activate another one first.")
    exported = ""
    if settings.archive_folder is not None:
        exported = f" It is exported to {export_space(engine, row, settings.archive_folder)}."
    drop(engine, key)
    return f"{key} is dropped.{exported}"


def restore(engine: Engine, path: Path) -> str:
    """Bring back the space that was exported to `path`; returns a sentence."""
    row = restore_space(engine, path)
    covered = coverage(engine, row)
    return (
        f"{row.key} is restored as {row.state}, with {covered.present:,} of {covered.needed:,} vectors that are needed"
        f" now; `morpheus spaces activate {row.key}` lets it answer."
    )


def _when_whole(row: SpaceRow, found: Coverage) -> Decision:
    things = "passages" if row.purpose == "text" else "panels"
    if not found.needed:
        return Decision("wait", row, f"{row.key} waits for the first {things}.")
    if not found.whole:
        missing = f"{found.missing:,} of {found.needed:,} {things} lack a vector"
        return Decision("wait", row, f"{row.key} is being filled: {missing}.")
    return Decision("prepare", row, f"{row.key} is whole: its index is built and checked.", found.present)


def _first(
    row: SpaceRow,
    active: SpaceRow | None,
    covered: Callable[[SpaceRow], Coverage],
    by_hand: bool,
    held_back: Callable[[SpaceRow], str | None],
) -> Decision:
    before = f" in place of {active.key}" if active else ""
    if by_hand and active:
        return Decision("wait", row, f"{active.key} was chosen by hand and goes on answering in place of {row.key}.")
    found = covered(row)
    if found.missing:
        return Decision(
            "wait", row, f"{row.key} is to answer{before}, but {counted(found.missing, 'input')} arrived meanwhile."
        )
    if reason := held_back(row):
        return Decision("wait", row, reason)
    return Decision("activate", row, f"{row.key} answers {row.purpose} searches from now on{before}.", found.present)


def _carry_out(engine: Engine, settings: Settings, decision: Decision) -> Decision:
    """Make the move; returns it with what is to be said. Raises SpaceError when the space does not allow it."""
    row = decision.row
    if decision.move == "revive":
        revive(engine, row.key)
    elif decision.move == "retire":
        retire(engine, row.key)
    elif decision.move == "prepare":
        return replace(decision, why=prepare_space(engine, row.key))
    elif decision.move == "activate":
        if reason := _reason_to_wait(engine, settings, row):
            return Decision("wait", row, reason)
        activate(engine, row.key, previous_becomes=_state_of_the_replaced(engine, settings, row.purpose))
        _forget_choices(engine, row.purpose)
    return decision


def _reason_to_wait(engine: Engine, settings: Settings, row: SpaceRow) -> str | None:
    """Why a text space must not answer by itself, as measured now beside the one that does."""
    active = active_space(engine, row.purpose)
    if row.purpose != "text" or active is None:
        return None
    return decide_switch(engine, settings, row, active)


def _is_new(space: Space) -> str:
    return f"{space.key} is new: it is filled beside the present one."


def _build_of(decision: Decision) -> IndexBuild:
    # minutes of work: a run of its own, asked for once for so many rows
    row = decision.row
    since = row.retired_at or row.created_at
    return IndexBuild(row.key, f"prepare:{row.key}:{since:%Y%m%d%H%M%S}:{decision.inputs}")


def _describe_index(row: SpaceRow, recall: float | None) -> str:
    if recall is None:
        return "few enough to be searched exactly, without an index"
    return f"index {row.index_kind}, recall {recall:.3f}"


def _state_of_the_replaced(engine: Engine, settings: Settings, purpose: str) -> str:
    """The state of the space that answers now, once another one does: "ready" while configured, else "retired"."""
    active = active_space(engine, purpose)
    wanted = {space.key for space in wanted_spaces(settings, purpose)}
    return "ready" if active is not None and active.key in wanted else "retired"


def _choice_by_hand(first: str) -> str:
    """The announcement that a person let another space answer in place of the settings' `first` one."""
    return f"by hand, in place of {first}"


def _forget_choices(engine: Engine, purpose: str) -> None:
    """Forget what was chosen by hand: a later choice, by hand or by the settings, takes its place."""
    keys = [row.key for row in list_spaces(engine, purpose)]
    for first in keys:
        for key in keys:
            withdraw(engine, _choice_by_hand(first), key)
