"""The commands that start processes: `morpheus up`, `serve`, `worker`, `exec` and `demo`. Only arguments here."""

import sys
from functools import partial

import click

from morpheus_assets.cli.common import one_sentence, settings


@click.command()
def up() -> None:
    """Start Postgres, Dagster and the API; Ctrl-C stops them all."""
    from morpheus_assets.cli.up import up as run_up

    with one_sentence():
        run_up(settings(), click.echo)


@click.command()
@click.option("--host", help="Address to bind to; another one than 127.0.0.1 needs MORPHEUS_API_KEYS.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default: MORPHEUS_API_PORT).")
def serve(host: str | None, port: int | None) -> None:
    """Serve the search page and the API beside a running database."""
    from morpheus_assets.api.server import serve as run_server

    with one_sentence():
        run_server(settings(), click.echo, host=host, port=port)


@click.command()
@click.option("--concurrency", type=click.IntRange(1), help="Steps at a time (default: one for each processor).")
@click.option("--queues", default="dagster", show_default=True, help="Comma list of the queues to take steps from.")
def worker(concurrency: int | None, queues: str) -> None:
    """Execute steps of runs on this machine. For MORPHEUS_EXECUTOR=celery; SIGTERM lets those at work end first."""
    from morpheus_assets.cli.worker import become_worker

    with one_sentence():
        become_worker(settings(), concurrency=concurrency, queues=queues)


@click.command(name="exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(command: tuple[str, ...]) -> None:
    """Run COMMAND beside the database. Its environment is set: morpheus exec dg check defs."""
    from morpheus_assets.cli.environment import run_with_database

    with one_sentence():
        sys.exit(run_with_database(settings(), command, partial(click.echo, err=True)))


@click.command()
def demo() -> None:
    """Ingest the samples without the UI, and print three searches."""
    from morpheus_assets.cli.demo import run_demo

    with one_sentence():
        run_demo(settings(), click.echo)
