"""The sensor that moves spaces between their states, and the job that builds a large space's index before.

Moves are decided and carried out in services/space_lifecycle.py.
"""

from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.services.configured_spaces import ASSET_PREFIXES, PURPOSES
from morpheus_assets.store.database.errors import SpaceError, StoreError

if TYPE_CHECKING:
    from morpheus_assets.services.space_lifecycle import Decision, IndexBuild


class PrepareConfig(dg.Config):
    """The key of the space to prepare."""

    space: str


@dg.op(description="Builds the index of a whole space and checks it; the switch itself is the sensor's.")
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


@dg.sensor(job=prepare_new_space, minimum_interval_seconds=10, default_status=dg.DefaultSensorStatus.RUNNING)
def switch_spaces_sensor(
    context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
) -> dg.SensorResult | dg.SkipReason:
    """Let the first configured space answer once it is whole and checked; until then the present one does.

    A space that the settings no longer name begins its retention, unless it is the one that answers. What was chosen
    by hand (`morpheus spaces activate`) stays until the settings name another first space.
    """
    from morpheus_assets.services.space_lifecycle import carry_out, decisions_for, register_wanted

    said: list[str] = []
    requests: list[dg.RunRequest] = []
    try:
        for purpose in PURPOSES:
            said += register_wanted(database.engine, database.settings, purpose)
            for decision in decisions_for(database.engine, database.settings, purpose):
                sentence, build = carry_out(database.engine, database.settings, decision)
                said.append(sentence)
                requests += [_run_of(build)] if build else []
                if decision.move == "activate" and sentence == decision.why:
                    _tell_the_asset(context.instance, decision)
    except StoreError as fault:
        return dg.SkipReason(str(fault))
    for sentence in said:
        context.log.info(sentence)
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SkipReason(" ".join(said) or "Every space is where the settings want it.")


def _run_of(build: "IndexBuild") -> dg.RunRequest:
    return dg.RunRequest(
        run_key=build.run_key,
        run_config={"ops": {"build_and_check_index": {"config": {"space": build.space}}}},
        tags={"morpheus/space": build.space},
    )


def _tell_the_asset(instance: dg.DagsterInstance, decision: "Decision") -> None:
    key = dg.AssetKey([ASSET_PREFIXES[decision.row.purpose], decision.row.key])
    instance.report_runless_asset_event(
        dg.AssetObservation(key, description=decision.why, metadata={"state": "active", "space": decision.row.key})
    )
