"""The three schedules: re-embedding at night, upkeep, and the checks of all embeddings.

They are thin shells. Cron lines come from the settings, so the schedules are built and not declared.
"""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from morpheus_assets.defs.jobs.upkeep import upkeep
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import StoreError

REEMBED_SCHEDULE = "reembed_on_model_change"
RUNNING = dg.DefaultScheduleStatus.RUNNING


def build_schedules(
    settings: Settings, embeddings: Sequence[dg.AssetKey], check_job: UnresolvedAssetJobDefinition
) -> list[dg.ScheduleDefinition]:
    """All schedules, for the cron lines of the settings; `embeddings` are the assets that are re-embedded."""

    @dg.schedule(
        name=REEMBED_SCHEDULE,
        cron_schedule=settings.reembed_cron,
        target=dg.AssetSelection.assets(*embeddings).without_checks(),
        default_status=RUNNING,
        description="Asks Postgres which novels lack which configured space and launches a backfill for each, oldest"
        " novels first, within the budget of a night. Postgres decides: what a night did not finish, or what failed,"
        " still lacks its vectors in the next. The tick's message says what was launched.",
    )
    def reembed_on_model_change(
        context: dg.ScheduleEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.SkipReason:
        from morpheus_assets.defs.backfills import InstanceBackfills
        from morpheus_assets.services.reembedding_launch import launch_plan
        from morpheus_assets.services.reembedding_plan import describe_plan, make_plan

        try:
            plan = make_plan(database.engine, database.settings)
        except (StoreError, ConfigurationError) as fault:
            return dg.SkipReason(str(fault))
        context.log.info(describe_plan(plan))
        repository = context.repository_def
        if repository is None:
            raise dg.DagsterInvariantViolationError("this schedule is evaluated within its repository")
        backfills = InstanceBackfills(context.instance, repository.asset_graph, schedule=REEMBED_SCHEDULE)
        said = list(launch_plan(database.engine, backfills, plan))
        return dg.SkipReason("\n".join(said) or "Every configured space is whole: nothing to embed.")

    return [
        reembed_on_model_change,
        dg.ScheduleDefinition(
            name="upkeep_schedule", job=upkeep, cron_schedule=settings.upkeep_cron, default_status=RUNNING
        ),
        dg.ScheduleDefinition(
            name="check_embeddings_schedule",
            job=check_job,
            cron_schedule=settings.upkeep_cron,
            default_status=RUNNING,
        ),
    ]
