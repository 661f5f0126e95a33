"""Carries out what space_decisions.py decides about stored spaces; the sensor that asks for it is space_sensors.py."""

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.automation.space_decisions import Decision, decide
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.settings import Settings
from morpheus_assets.space_preparation import prepare_space
from morpheus_assets.standing_spaces import (
    by_hand,
    configured_spaces,
    forget_choices,
    wanted_spaces,
    what_becomes_of_the_active,
)
from morpheus_assets.store.database.errors import SpaceError
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.drift import announced
from morpheus_assets.store.spaces.indexes import SMALLEST_INDEXED
from morpheus_assets.store.spaces.spaces import activate, list_spaces, register_space, retire, revive
from morpheus_assets.store.spaces.vectors import vector_summary


def register_wanted(engine: Engine, settings: Settings, purpose: str) -> list[str]:
    """Give every configured space its row and table, so that it is listed; a sentence for each that is new."""
    stored = {row.key: row.fingerprint for row in list_spaces(engine, purpose)}
    said = []
    for space in configured_spaces(settings, purpose):
        if stored.get(space.key) == space.fingerprint:
            continue
        try:
            register_space(engine, space)
            said.append(f"{space.key} is new: it is filled beside the present one.")
        except SpaceError as fault:
            said.append(str(fault))
    return said


def decisions_for(engine: Engine, settings: Settings, purpose: str) -> list[Decision]:
    """What to do about the stored spaces of one purpose."""
    configured = [space.key for space in configured_spaces(settings, purpose)]
    wanted = [space.key for space in wanted_spaces(settings, purpose)]
    rows = list_spaces(engine, purpose)
    active = next((row.key for row in rows if row.state == "active"), "")
    chosen = bool(active) and announced(engine, by_hand(configured[0]), active) is not None
    return decide(configured, wanted, rows, lambda row: coverage(engine, row), kept_by_hand=chosen)


def carry_out(engine: Engine, settings: Settings, decision: Decision) -> tuple[str, dg.RunRequest | None]:
    """Do it; returns the sentence to say and, for a large space, the run that builds its index."""
    row = decision.row
    if decision.move == "revive":
        revive(engine, row.key)
    elif decision.move == "retire":
        retire(engine, row.key)
    elif decision.move == "prepare":
        return _prepare(engine, row)
    elif decision.move == "activate":
        try:
            activate(engine, row.key, previous_becomes=what_becomes_of_the_active(engine, settings, row.purpose))
        except SpaceError as fault:
            return str(fault), None
        forget_choices(engine, row.purpose)
    return decision.why, None


def _prepare(engine: Engine, row: SpaceRow) -> tuple[str, dg.RunRequest | None]:
    rows = vector_summary(engine, row).rows
    if rows >= SMALLEST_INDEXED:
        # Minutes of work, and a sensor's body is ended after one: so it is a run, asked for once for so many rows.
        since = row.retired_at or row.created_at
        request = dg.RunRequest(
            run_key=f"prepare:{row.key}:{since:%Y%m%d%H%M%S}:{rows}",
            run_config={"ops": {"build_and_check_index": {"config": {"space": row.key}}}},
            tags={"morpheus/space": row.key},
        )
        return f"{row.key} is whole: a run builds and checks its index.", request
    try:
        return prepare_space(engine, row.key), None
    except SpaceError as fault:
        return str(fault), None
