"""The three schedules: re-embedding at night, upkeep, and the checks of all embeddings.

They are thin shells that ask for runs. Cron lines come from the settings, so the schedules are built and not declared.
"""

import time
from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._utils.schedules import cron_string_iterator

from morpheus_assets.defs.jobs.reembed import reembed
from morpheus_assets.defs.jobs.upkeep import upkeep
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import StoreError

REEMBED_SCHEDULE = "reembed_on_model_change"
RUNNING = dg.DefaultScheduleStatus.RUNNING


def interval_of(cron: str) -> timedelta:
    """The time between two ticks of a cron line, as of the next ones."""
    ticks = cron_string_iterator(time.time(), cron, "UTC")
    first, second = next(ticks), next(ticks)
    return second - first


def build_schedules(settings: Settings, check_job: UnresolvedAssetJobDefinition) -> list[dg.ScheduleDefinition]:
    """All schedules, for the cron lines of the settings."""

    @dg.schedule(
        name=REEMBED_SCHEDULE,
        cron_schedule=settings.reembed_cron,
        job=reembed,
        default_status=RUNNING,
        description="Asks Postgres which novels lack which configured space and, when there are any, for a run of"
        " `reembed`, which launches a backfill for each space, oldest novels first, within the budget of a night."
        " Postgres decides: what a night did not finish, or what failed, still lacks its vectors in the next. The"
        " tick's log shows the plan, the run what was launched.",
    )
    def reembed_on_model_change(
        context: dg.ScheduleEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.RunRequest | dg.SkipReason:
        from morpheus_assets.services.reembedding_plan import describe_plan, make_plan, why_unbounded

        try:
            plan = make_plan(database.engine, database.settings)
        except (StoreError, ConfigurationError) as fault:
            return dg.SkipReason(str(fault))
        context.log.info(describe_plan(plan))
        if not plan.spaces:
            return dg.SkipReason("Every configured space is whole: nothing to embed.")
        bounded = [each for each in plan.spaces if not each.unbounded]
        if not bounded:
            return dg.SkipReason("\n".join(f"{each.space.key}: {why_unbounded(each)}" for each in plan.spaces))
        reasons = [
            f"{counted(len(each.work), 'novel lacks', 'novels lack')} {each.space.key}: {each.reason}"
            for each in bounded
        ]
        return dg.RunRequest(
            run_key=context.scheduled_execution_time.isoformat(), tags={"morpheus/reason": "; ".join(reasons)}
        )

    return [
        reembed_on_model_change,
        dg.ScheduleDefinition(
            name="upkeep_schedule",
            job=upkeep,
            cron_schedule=settings.upkeep_cron,
            default_status=RUNNING,
            description="Asks every night for a run of `upkeep`, which drops what is retired for long enough and"
            " deletes vectors that nothing needs.",
        ),
        dg.ScheduleDefinition(
            name="check_embeddings_schedule",
            job=check_job,
            cron_schedule=settings.upkeep_cron,
            default_status=RUNNING,
            description="Asks every night for a run of `check_embeddings`: all checks of all embeddings, those that"
            " read a whole space and the weekly measurement of drift too.",
        ),
    ]
