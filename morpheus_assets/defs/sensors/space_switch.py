"""The sensor that asks for the moves of spaces between their states.

It reads and asks: services/space_lifecycle.py says what is to be moved, the jobs in defs/jobs/switch_spaces.py move it.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.assets.search_index import SEARCH_INDEX, materialize_index
from morpheus_assets.defs.jobs.switch_spaces import prepare_new_space, switch_spaces
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.runs_at_work import runs_at_work
from morpheus_assets.store.database.errors import StoreError

if TYPE_CHECKING:
    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.services.space_lifecycle import IndexBuild

MOVES_TAG = "morpheus/moves"
# A space that stands against its move, or a database that is away: what a person changes is seen at once all the same.
AGAIN_AFTER = timedelta(hours=1)
# A switch may come before the last novel of the first ingest is in; its page says so until the rest is there.
LOOK_AGAIN_SECONDS = 60.0


@dg.sensor(
    jobs=[switch_spaces, prepare_new_space],
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a run of switch_spaces when the settings and the stored spaces differ: a new space is to be"
    " registered, one has become whole, or another one is to answer. A large space's index is built before, by a run of"
    " prepare_new_space. Until then the present space answers; one that was chosen by hand stays.",
)
def switch_spaces_sensor(
    context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
) -> dg.SensorResult | dg.SkipReason:
    """Let the first configured space answer once it is whole and checked; until then the present one does.

    A space that the settings no longer name begins its retention, unless it is the one that answers. What was chosen
    by hand (`morpheus spaces activate`) stays until the settings name another first space.
    """
    from morpheus_assets.services.space_lifecycle import find_moves

    try:
        moves = find_moves(database.engine, database.settings)
    except StoreError as fault:
        return dg.SkipReason(str(fault))
    requests = [_build(build) for build in moves.builds]
    left_alone = _why_not_now(context.instance, moves.digest) if moves.digest else None
    if moves.digest and not left_alone:
        tags = {MOVES_TAG: moves.digest, "morpheus/reason": " ".join(moves.why)}
        requests.append(dg.RunRequest(job_name=switch_spaces.name, tags=tags))
    builds = [f"{build.space} is whole: a run builds and checks its index." for build in moves.builds]
    said = [*([left_alone] if left_alone else []), *moves.why, *builds, *moves.waiting]
    for sentence in said:
        context.log.info(sentence)
    cursor, events = _report_switches(context, database)
    if requests:
        return dg.SensorResult(run_requests=requests, asset_events=events, cursor=cursor)
    nothing = dg.SkipReason(" ".join(said) or "Every space is where the settings want it.")
    if events or cursor != context.cursor:
        return dg.SensorResult(skip_reason=nothing, asset_events=events, cursor=cursor)
    return nothing


def _report_switches(
    context: dg.SensorEvaluationContext, database: DatabaseResource
) -> tuple[str, list[dg.AssetMaterialization]]:
    """The spaces that answer, as the cursor to store, and the switches that no run has recorded.

    The first space of all answers by itself, and a person may let another one answer from the command line. A space
    that lacked vectors when it was recorded is recorded again once it holds all of the content.
    """
    from morpheus_assets.services.search_index import search_index
    from morpheus_assets.store.spaces.spaces import active_spaces

    reported = json.loads(context.cursor or "{}")
    active = active_spaces(database.engine)
    events = []
    lacking: dict[str, float] = reported.get("lacking", {})
    for purpose, row in active.items():
        if reported.get(purpose) == _switch_of(row):
            if purpose in lacking and _may_be_whole(context.instance, lacking[purpose]):
                index = search_index(database.engine, database.settings, purpose)
                if index is not None and not index.space.covered.missing:
                    events.append(materialize_index(index, "All of the content is found in it now."))
                    del lacking[purpose]
                else:
                    lacking[purpose] = round(time.time())
            continue
        lacking.pop(purpose, None)
        recorded = context.instance.get_latest_materialization_event(SEARCH_INDEX[purpose])
        if recorded is not None and recorded.asset_materialization is not None:
            metadata = recorded.asset_materialization.metadata
            known = metadata.get("space")
            # a run that switched just now, or a cursor that was lost
            if known is not None and known.value == row.key and _since(row) <= recorded.timestamp:
                if "missing" in metadata and metadata["missing"].value:
                    lacking[purpose] = 0
                continue
        index = search_index(database.engine, database.settings, purpose)
        if index is not None:
            events.append(materialize_index(index, f"{row.key} answers {purpose} searches."))
            if index.space.covered.missing:
                lacking[purpose] = 0
    switches: dict[str, Any] = {purpose: _switch_of(row) for purpose, row in sorted(active.items())}
    return json.dumps(switches | ({"lacking": lacking} if lacking else {})), events


def _may_be_whole(instance: dg.DagsterInstance, looked: float) -> bool:
    """Nothing is at work any more, and the last look, which reads the whole space, was a while ago."""
    return time.time() - looked >= LOOK_AGAIN_SECONDS and not runs_at_work(instance, limit=1)


def _switch_of(row: "SpaceRow") -> str:
    return f"{row.key} {_since(row):.3f}"


def _since(row: "SpaceRow") -> float:
    return row.activated_at.timestamp() if row.activated_at else 0.0


def _build(build: "IndexBuild") -> dg.RunRequest:
    return dg.RunRequest(
        job_name=prepare_new_space.name,
        run_key=build.run_key,
        run_config={"ops": {"build_and_check_index": {"config": {"space": build.space}}}},
        tags={"morpheus/space": build.space},
    )


def _why_not_now(instance: dg.DagsterInstance, digest: str) -> str | None:
    """The reason why the moves of a digest are not asked for now; None when they are."""
    at_work = runs_at_work(instance, job=switch_spaces.name, limit=1)
    if at_work:
        return f"The run {at_work[0].run_id} is at it."
    failed = instance.get_runs(
        dg.RunsFilter(
            job_name=switch_spaces.name,
            statuses=[dg.DagsterRunStatus.FAILURE],
            tags={MOVES_TAG: digest},
            updated_after=datetime.now(UTC) - AGAIN_AFTER,
        ),
        limit=1,
    )
    if failed:
        return f"The run {failed[0].run_id} failed at just that, and its log says why; it is tried again after an hour."
    return None
