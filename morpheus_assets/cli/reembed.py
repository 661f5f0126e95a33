"""`morpheus reembed`: the plan of a re-embedding, and its launch. Only arguments and printing."""

import json
from functools import partial

import click

from morpheus_assets.cli.common import database


@click.command()
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be done, and what it costs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--follow", is_flag=True, help="Wait until what was launched has ended, with a bar of what is embedded.")
@click.option(
    "--batch/--no-batch",
    "batch",
    default=None,
    help="Through the provider's batch API where it has one, or not at all; else as each space says.",
)
@click.option("--json", "as_json", is_flag=True, help="With --plan: one JSON object a space.")
def reembed(only_plan: bool, yes: bool, follow: bool, batch: bool | None, as_json: bool) -> None:
    """Embed now, and not at night, what lacks a configured space. Within the night's budget."""
    from morpheus_assets.cli.progress import bar
    from morpheus_assets.services.dagster_client import (
        DagsterRefused,
        DagsterUnavailable,
        WebserverBackfills,
        dagster_url,
    )
    from morpheus_assets.services.reembedding_launch import follow_plan, launch_plan, what_is_left
    from morpheus_assets.services.reembedding_plan import as_json as plan_as_json
    from morpheus_assets.services.reembedding_plan import describe_plan, make_plan

    with database() as (engine, values):
        plan = make_plan(engine, values, batch=batch)
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
            with WebserverBackfills(partial(dagster_url, values)) as dagster:
                if any(each.by_batch for each in plan.spaces):
                    # A run submits, so that it can be seen, and goes on when this terminal is closed.
                    config = {"ops": {"launch_reembedding": {"config": {"batch": batch}}}} if batch else {}
                    run = dagster.launch_run("reembed", config)
                    click.echo(f"The run {run} of reembed submits the batch jobs; `morpheus batches` lists them then.")
                    return
                for sentence in launch_plan(engine, dagster, plan):
                    click.echo(sentence)
                if follow:
                    with bar("Embedding", sum(each.inputs for each in plan.spaces)) as step:
                        for done in follow_plan(engine, dagster, plan):
                            step(done)
                    for sentence in what_is_left(engine, plan):
                        click.echo(sentence)
        except (DagsterRefused, DagsterUnavailable) as fault:
            left = "What was not launched is left to the schedule reembed_on_model_change."
            raise click.ClickException(f"{fault} {left}") from fault
