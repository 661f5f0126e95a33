"""Launches a plan of re-embedding from outside Dagster, through its webserver."""

import asyncio
import json
from collections.abc import Callable

import click
from sqlalchemy import Engine

from morpheus_assets.services.configured_spaces import ASSET_PREFIXES
from morpheus_assets.services.dagster_client import DagsterClient
from morpheus_assets.services.reembedding_launch import SPACE_TAG, order_for
from morpheus_assets.services.reembedding_plan import Plan, SpacePlan, describe_space, whole_novels
from morpheus_assets.store.accounts.reembeddings import record_launch


def launch_plan(engine: Engine, url: str, plan: Plan, say: Callable[[str], None]) -> None:
    """Launch one backfill for each space of the plan.

    Raises DagsterUnavailable or DagsterRefused; what was launched by then goes on.
    """

    async def work() -> None:
        dagster = DagsterClient(url)
        try:
            for each in plan.spaces:
                say(await _launch(engine, dagster, each))
        finally:
            await dagster.close()

    asyncio.run(work())


async def _launch(engine: Engine, dagster: DagsterClient, plan: SpacePlan) -> str:
    key = [ASSET_PREFIXES[plan.space.purpose], plan.space.key]
    running = await dagster.running_backfill(SPACE_TAG, plan.space.key)
    if running:
        return f"{plan.space.key}: the backfill {running} is still running, so none is added."
    order = order_for(
        plan,
        await dagster.partitions(key),
        whole=whole_novels(engine, plan.space.purpose, [work.novel for work in plan.work]),
        description="\n".join(describe_space(plan)),
    )
    if order is None:
        return f"{plan.space.key}: tonight's budget is spent, or too small for any of {len(plan.work)} novels."
    backfill_id = await dagster.launch_backfill_of(
        [key], order.partitions, title=order.title, description=order.description, tags=order.tags
    )
    record_launch(engine, order.launched(backfill_id))
    return f"{order.title}: backfill {backfill_id}."


@click.command()
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be done, and what it costs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="With --plan: one JSON object a space.")
def reembed(only_plan: bool, yes: bool, as_json: bool) -> None:
    """Embed what lacks a configured space, now and not at night; within the night's budget."""
    from morpheus_assets.cli.main import one_sentence, settings

    pass
    from morpheus_assets.services.connections import connected_engine
    from morpheus_assets.services.dagster_client import DagsterRefused, DagsterUnavailable
    from morpheus_assets.services.reembedding_plan import as_json as plan_as_json
    from morpheus_assets.services.reembedding_plan import describe_plan, make_plan

    values = settings()
    with one_sentence(), connected_engine(values) as engine:
        plan = make_plan(engine, values)
        if as_json:
            for each in plan_as_json(plan):
                click.echo(json.dumps(each))
        else:
            click.echo(describe_plan(plan))
        if only_plan or not plan.spaces:
            return
        if not yes:
            click.confirm("Launch what tonight's budget allows?", abort=True)
        try:
            launch_plan(engine, values.dagster_url, plan, click.echo)
        except (DagsterRefused, DagsterUnavailable) as fault:
            left = "What was not launched is left to the schedule reembed_on_model_change."
            raise click.ClickException(f"{fault} {left}") from fault
