"""What `morpheus spaces` does: lists spaces, and moves them by hand as the schedules would, or against them.

The rules are the store's and space_preparation's; here is what a person is told.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.settings import Settings
from morpheus_assets.standing_spaces import (
    by_hand,
    configured_spaces,
    forget_choices,
    wanted_spaces,
    what_becomes_of_the_active,
)
from morpheus_assets.store.accounts.spending import spending_totals
from morpheus_assets.store.database.errors import SpaceError, SpaceIncomplete
from morpheus_assets.store.spaces import archive, spaces
from morpheus_assets.store.spaces.coverage import Coverage, coverage
from morpheus_assets.store.spaces.drift import announce
from morpheus_assets.store.spaces.indexes import ensure_index
from morpheus_assets.store.spaces.spaces import SpaceSize, space_sizes


@dataclass(frozen=True)
class ListedSpace:
    """One stored space as it is listed; `place` is its place in the settings from 1, None when they do not name it."""

    row: SpaceRow
    covered: Coverage
    size: SpaceSize
    cost: Decimal | None
    place: int | None


def listed_spaces(engine: Engine, settings: Settings) -> list[ListedSpace]:
    """Every stored space, by purpose and age."""
    sizes = {size.key: size for size in space_sizes(engine)}
    costs = {total.space_key: total.cost for total in spending_totals(engine)}
    listed = []
    for row in sorted(spaces.list_spaces(engine), key=lambda each: (each.purpose != "text", each.id)):
        keys = [space.key for space in wanted_spaces(settings, row.purpose)]
        place = keys.index(row.key) + 1 if row.key in keys else None
        listed.append(ListedSpace(row, coverage(engine, row), sizes[row.key], costs.get(row.key), place))
    return listed


def describe_space(listed: ListedSpace, retention_days: int) -> str:
    """One space for a person, in two lines."""
    row, covered, size = listed.row, listed.covered, listed.size
    share = 100 * (covered.present + covered.refused) / covered.needed if covered.needed else 100
    state = f"{row.state}, answers {row.purpose} searches" if row.state == "active" else f"{row.state}, {row.purpose}"
    if row.state == "retired" and row.retired_at:
        state += f", kept until {row.retired_at + timedelta(days=retention_days):%Y-%m-%d}"
    place = f"no. {listed.place} in the settings" if listed.place else "not in the settings"
    recall = f" recall {row.index_recall:.3f}" if row.index_recall is not None else ""
    index = f"{row.index_kind}{recall}" if row.index_kind else "exact search"
    cost = f", ${listed.cost:,.4f} spent" if listed.cost else ""
    return (
        f"{row.key}  [{state}; {place}]\n"
        f"    {share:.1f} % of {covered.needed:,} covered, {covered.missing:,} missing, {covered.refused:,} refused;"
        f" {size.rows:,} vectors, {(size.table_bytes + size.index_bytes) / 1e6:,.1f} MB, {index}{cost}"
    )


def activate_by_hand(engine: Engine, settings: Settings, key: str, *, anyway: bool = False) -> str:
    """Let a space answer, also an old one; `anyway` accepts that it lacks something. Returns what to tell.

    Stays until the settings name another first space. Raises SpaceIncomplete with both ways out.
    """
    row = spaces.get_space(engine, key)
    before = spaces.active_space(engine, row.purpose)
    if before is not None and before.key == key:
        return f"{key} answers {row.purpose} searches already."
    ensure_index(engine, row)
    previous = what_becomes_of_the_active(engine, settings, row.purpose)
    try:
        spaces.activate(engine, key, previous_becomes=previous, allow_gaps=anyway)
    except SpaceIncomplete as fault:
        missing = coverage(engine, row).missing
        raise SpaceIncomplete(
            f"{key} lacks {missing:,} vectors: fill it first (name it in the settings and run `morpheus reembed`), or"
            " use --anyway, and searches by meaning will not find what is missing."
        ) from fault
    first = configured_spaces(settings, row.purpose)[0].key
    forget_choices(engine, row.purpose)
    if key != first:
        announce(engine, by_hand(first), key)
    became = f"; {before.key} is {previous} now" if before else ""
    return f"{key} answers {row.purpose} searches from now on{became}."


def retire_by_hand(engine: Engine, settings: Settings, key: str) -> str:
    """Begin a space's retention. Raises SpaceError for one that answers, or that the settings name."""
    row = spaces.get_space(engine, key)
    if key in {space.key for space in wanted_spaces(settings, row.purpose)}:
        raise SpaceError(
            f"The settings name {key}, so it would come back at once: take it out of"
            f" MORPHEUS_{row.purpose.upper()}_SPACES and restart Dagster first."
        )
    spaces.retire(engine, key)
    return f"{key} is retired; upkeep drops it after {settings.retention_days} days (MORPHEUS_RETENTION_DAYS)."


def drop_by_hand(engine: Engine, settings: Settings, key: str) -> str:
    """Delete a space, exported first where an archive folder is set. Raises SpaceError for the one that answers."""
    row = spaces.get_space(engine, key)
    if row.state == "active":
        raise SpaceError(f"{key} answers searches now and cannot be dropped; activate another one first.")
    exported = ""
    if settings.archive_folder is not None:
        exported = f" It is exported to {archive.export_space(engine, row, settings.archive_folder)}."
    spaces.drop(engine, key)
    return f"{key} is dropped.{exported}"


def restore(engine: Engine, settings: Settings, path: Path) -> str:
    """Bring an exported space back."""
    row = archive.restore_space(engine, path)
    covered = coverage(engine, row)
    return (
        f"{row.key} is restored as {row.state}, with {covered.present:,} of {covered.needed:,} vectors that are needed"
        f" now; `morpheus spaces activate {row.key}` lets it answer."
    )
