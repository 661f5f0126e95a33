"""The job that brings in what is not whole; what it launches is decided in unfinished.py."""

import dagster as dg

from morpheus_assets.resources import DatabaseResource


@dg.op
def launch_unfinished(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Launch one backfill of the text assets for all novels that are not whole; its page shows what becomes of them."""
    from morpheus_assets.automation.unfinished import launch

    context.log.info(launch(context.instance, context.repository_def.asset_graph, database))


@dg.job(tags={"morpheus/kind": "plan"})
def ingest_unfinished() -> None:
    """Brings in every novel whose file or vectors are not as they should be, in few runs however scattered they are.

    Use it in place of a backfill of missing partitions that are scattered over many novels.
    """
    launch_unfinished()
