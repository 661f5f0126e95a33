"""The job `reembed`: launches what the night's budget allows of what lacks a configured space.

What lacks what is services/reembedding_plan.py's, the launch services/reembedding_launch.py's.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Optional

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.storage.tags import SCHEDULE_NAME_TAG
from pydantic import Field

from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.embedding.errors import EmbeddingError

TAGS = {"morpheus/kind": "plan"}


def launch(
    instance: dg.DagsterInstance,
    graph: BaseAssetGraph,
    database: DatabaseResource,
    *,
    schedule: str | None = None,
    batch: bool | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[str, list[str]]:
    """Launch what tonight's budget allows; returns the plan for a person and a sentence for each space.

    `batch`: use batch APIs where there are any, or nowhere; None: as each space says.
    `say` is told each sentence at once. Raises ConfigurationError for a space that the settings name wrongly.
    """
    from morpheus_assets.defs.backfills import InstanceBackfills
    from morpheus_assets.services.batch_jobs import submit_plan
    from morpheus_assets.services.reembedding_launch import launch_plan, settle_launches
    from morpheus_assets.services.reembedding_plan import describe_plan, make_plan

    backfills = InstanceBackfills(instance, graph, schedule=schedule)
    while seconds := settle_launches(database.engine, backfills.launched):
        say(f"A launch was interrupted less than a minute ago: waiting {seconds:.0f} s for its outcome.")
        time.sleep(seconds)
    plan = make_plan(database.engine, database.settings, batch=batch)
    described = describe_plan(plan)
    say(described)
    said = []
    submit = partial(submit_plan, database.engine, database.settings, say=say)
    for sentence in launch_plan(database.engine, backfills, plan, submit):
        say(sentence)
        said.append(sentence)
    return described, said or ["Every configured space is whole: nothing to embed."]


class ReembedConfig(dg.Config):
    """How what is lacking is embedded."""

    batch: Optional[bool] = Field(  # noqa: UP045 (what Dagster reads)
        default=None,
        description="True: through the provider's batch API where it has one, cheaper and within a day. False: now, by"
        " ordinary requests. Unset: as `batch` in spaces.toml, or MORPHEUS_REEMBED_BATCH, says.",
    )


@dg.op(
    description="Plans a re-embedding within the night's budget and launches one backfill for each space, or sends what"
    " it lacks as jobs of the provider's batch API."
)
def launch_reembedding(
    context: dg.OpExecutionContext, config: ReembedConfig, database: dg.ResourceParam[DatabaseResource]
) -> None:
    """The backfills and their prices are in the output's metadata; a space whose backfill still runs is left alone."""
    graph = context.repository_def.asset_graph
    try:
        plan, said = launch(
            context.instance,
            graph,
            database,
            schedule=context.run.tags.get(SCHEDULE_NAME_TAG),
            batch=config.batch,
            say=context.log.info,
        )
    except EmbeddingError as fault:
        raise dg.Failure(description=str(fault), allow_retries=False) from fault
    context.add_output_metadata({"launched": "\n".join(said), "plan": dg.MetadataValue.md(f"```\n{plan}\n```")})


@dg.job(
    tags=TAGS,
    # planned beside the daemon, whatever MORPHEUS_EXECUTOR says: what embeds are the backfill's runs
    executor_def=dg.in_process_executor,
    description="Launches a backfill for each configured space that novels lack, oldest novels first, within the"
    " night's budget (MORPHEUS_REEMBED_MAX_TOKENS, MORPHEUS_REEMBED_MAX_COST). The schedule reembed_on_model_change"
    " asks for it at night; `morpheus reembed` does the same at once.",
)
def reembed() -> None:
    """One op."""
    launch_reembedding()
