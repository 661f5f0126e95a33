"""`morpheus result`: the vectors of a run of generate_embedding. Only arguments and printing."""

import click

from morpheus_assets.cli.common import database
from morpheus_assets.services.wording import counted


@click.command()
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="The vectors too, as one JSON object.")
def result(run_id: str, as_json: bool) -> None:
    """Show what the run RUN_ID of `generate_embedding` gave."""
    from morpheus_assets.store.accounts.jobs import result_embeddings, result_summary

    with database() as (engine, _):
        summary = result_summary(engine, run_id)
        vectors = result_embeddings(engine, run_id) if summary else None
    if summary is None or vectors is None:
        raise click.ClickException(f"No result of a run {run_id!r} is stored: it is not done, or it failed.")
    if as_json:
        from morpheus_assets.api.responses import to_json
        from morpheus_assets.api.routes.jobs import JobVectors

        answer = JobVectors(
            embeddings=vectors, model=summary.model, total_tokens=summary.total_tokens, space=summary.space_key,
            totalTokens=summary.total_tokens, input_type=summary.input_type, inputType=summary.input_type,
        )  # fmt: skip
        click.echo(to_json(answer))
        return
    click.echo(
        f"{counted(summary.inputs, 'vector')} of {summary.dimensions} dimensions from {summary.model}"
        f" ({summary.space_key}), {counted(summary.total_tokens, 'token')}, {summary.created_at:%Y-%m-%d %H:%M};"
        " --json gives them."
    )
