"""`morpheus batches`: the jobs of providers' batch APIs. Only arguments and printing."""

import json

import click

from morpheus_assets.cli.common import database, one_sentence


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a job.")
@click.pass_context
def batches(context: click.Context, as_json: bool) -> None:
    """List the jobs of providers' batch APIs, and cancel them."""
    if context.invoked_subcommand is None:
        context.invoke(list_command, as_json=as_json)


@batches.command(name="list")
@click.option("--all", "ended_too", is_flag=True, help="The last twenty, ended ones too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a job.")
def list_command(ended_too: bool = False, as_json: bool = False) -> None:
    """List the jobs that have not ended. With their state at the provider."""
    from morpheus_assets.services.batch_jobs import describe_job, job_as_json, look_at_jobs
    from morpheus_assets.store.spaces.batch_jobs import latest_batch_jobs

    with database() as (engine, values):
        looked = {each.job.id: each.said for each in look_at_jobs(engine, values)}
        jobs = latest_batch_jobs(engine)
    shown = [job for job in jobs if ended_too or job.id in looked]
    for job in shown:
        said = looked.get(job.id) or job.outcome
        if as_json:
            click.echo(json.dumps({**job_as_json(job), "said": said}, ensure_ascii=False))
        else:
            click.echo(f"{describe_job(job)}\n  {said}")
    if not shown and not as_json:
        click.echo("No batch job is open: `morpheus reembed --batch` sends what is lacking as such.")


@batches.command()
@click.argument("number", type=int)
def cancel(number: int) -> None:
    """End the job NUMBER. What is answered is stored, the rest can be embedded by ordinary requests then."""
    from morpheus_assets.services.batch_jobs import cancel_job
    from morpheus_assets.store.spaces.batch_jobs import get_batch_job

    with database() as (engine, values), one_sentence():
        try:
            job = get_batch_job(engine, number)
        except LookupError as fault:
            raise click.ClickException(f"{fault} `morpheus batches` lists the open ones.") from fault
        if job.state not in ("submitting", "submitted"):
            raise click.ClickException(f"The job {number} is {job.state}: there is nothing to cancel.")
        click.echo(cancel_job(engine, values, job))
