"""Launches a plan of re-embedding from outside Dagster, through its webserver."""

import asyncio
from collections.abc import Callable

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
