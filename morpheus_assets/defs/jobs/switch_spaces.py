"""The jobs that move spaces between their states, as the settings want it; the sensor asks for them.

Moves are decided and carried out in services/space_lifecycle.py.
"""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from morpheus_assets.defs.assets.search_index import materialize_index
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.store.database.errors import SpaceError

if TYPE_CHECKING:
    from morpheus_assets.domain.spaces import SpaceRow


class PrepareConfig(dg.Config):
    """The space to prepare."""

    space: str = Field(description="The key of the space, as `morpheus spaces` lists it.")


@dg.op(description="Builds the index of a whole space and checks it; the switch itself is the job switch_spaces.")
def build_and_check_index(
    context: dg.OpExecutionContext, config: PrepareConfig, database: dg.ResourceParam[DatabaseResource]
) -> None:
    """Fails with one sentence when the index does not find enough of the true neighbours."""
    from morpheus_assets.services.space_lifecycle import prepare_space

    try:
        context.log.info(prepare_space(database.engine, config.space))
    except SpaceError as fault:
        raise dg.Failure(description=str(fault), allow_retries=False) from fault


@dg.job(tags={"morpheus/kind": "prepare"}, description="Builds and checks the index of a space that has become whole.")
def prepare_new_space() -> None:
    """One op."""
    build_and_check_index()


@dg.op(
    description="Registers new spaces, checks whole ones, and moves the pointer to the first configured one.",
    # a database that is away for a moment is no reason to leave it to an hour later
    retry_policy=dg.RetryPolicy(max_retries=3, delay=2.0, backoff=dg.Backoff.EXPONENTIAL),
)
def make_space_moves(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Goes on with the others when one space stands against its move, and fails then."""
    from morpheus_assets.services.search_index import search_index
    from morpheus_assets.services.space_lifecycle import make_moves

    said: list[str] = []
    faults: list[str] = []
    for move in make_moves(database.engine, database.settings):
        if isinstance(move, SpaceError):
            faults.append(str(move))
            context.log.error(str(move))
            continue
        said.append(move.why)
        context.log.info(move.why)
        if move.move == "activate":
            index = search_index(database.engine, database.settings, move.row.purpose)
            _observe(context, move.row, "active", move.why)
            if index is not None:
                context.log_event(materialize_index(index, move.why))
                if index.before:
                    said_of = f"{index.before.key} is {index.before.state}: {move.row.key} answers in its place."
                    _observe(context, index.before, index.before.state, said_of)
        elif move.move == "retire":
            _observe(context, move.row, "retired", move.why)
            # the index has a row for it, which says so from now on
            index = search_index(database.engine, database.settings, move.row.purpose)
            if index is not None:
                context.log_event(materialize_index(index, move.why))
    if faults:
        raise dg.Failure(description="\n".join(faults), allow_retries=False)
    context.add_output_metadata({"moves": dg.MetadataValue.md("\n\n".join(said) or "There was nothing to move.")})


def _observe(context: dg.OpExecutionContext, row: "SpaceRow", state: str, why: str) -> None:
    # also of a space that the settings name no more: its asset has no definition, and its page tells by this what it is
    key = dg.AssetKey(space_asset(row))
    context.log_event(dg.AssetObservation(key, description=why, metadata={"state": state, "space": row.key}))


@dg.job(
    tags={"morpheus/kind": "switch", "dagster/priority": "4"},
    # a second's work beside the daemon, whatever MORPHEUS_EXECUTOR says
    executor_def=dg.in_process_executor,
    description="Registers new spaces, checks those that became whole and lets the first configured one answer. The"
    " sensor switch_spaces_sensor asks for it; run by hand it does the same, and nothing when nothing is to be moved.",
)
def switch_spaces() -> None:
    """One op."""
    make_space_moves()
