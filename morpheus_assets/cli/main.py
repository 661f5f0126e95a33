"""The `morpheus` command: parses arguments, calls what does the work, prints, and turns errors into one sentence.

No work is done here, and heavy modules are imported inside the commands that need them.
"""

import json
import sys
from pathlib import Path

import click

from morpheus_assets.cli.common import one_sentence, settings
from morpheus_assets.cli.keys import keys
from morpheus_assets.cli.reembed import reembed
from morpheus_assets.cli.results import result
from morpheus_assets.cli.spaces import refused, spaces


@click.group()
def main() -> None:
    """Novels and comic panels as searchable vectors, kept right by Dagster."""


@main.command()
def up() -> None:
    """Start Postgres, the Dagster UI and the daemon; Ctrl-C stops all of them."""
    from morpheus_assets.cli.up import up as run_up

    with one_sentence():
        run_up(settings(), click.echo)


@main.command()
@click.option("--host", help="Address to bind to; another one than 127.0.0.1 needs MORPHEUS_API_KEYS.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default: MORPHEUS_API_PORT).")
def serve(host: str | None, port: int | None) -> None:
    """Serve the search page and the HTTP API beside a running database."""
    from morpheus_assets.api.server import serve as run_server

    with one_sentence():
        run_server(settings(), click.echo, host=host, port=port)


@main.command()
@click.option("--concurrency", type=click.IntRange(1), help="Steps at a time (default: one for each processor).")
@click.option("--queues", default="dagster", show_default=True, help="Comma list of the queues to take steps from.")
def worker(concurrency: int | None, queues: str) -> None:
    """Execute steps of runs on this machine, for MORPHEUS_EXECUTOR=celery; SIGTERM lets those at work end first."""
    from morpheus_assets.cli.worker import become_worker

    with one_sentence():
        become_worker(settings(), concurrency=concurrency, queues=queues)


@main.command(name="exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(command: tuple[str, ...]) -> None:
    """Run COMMAND with the database up and the environment set: morpheus exec dg check defs."""
    from morpheus_assets.cli.environment import run_with_database

    with one_sentence():
        sys.exit(run_with_database(settings(), command))


@main.command()
def demo() -> None:
    """Ingest the samples through Dagster, without the UI, and print three searches."""
    from morpheus_assets.cli.demo import run_demo

    with one_sentence():
        run_demo(settings(), click.echo)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """Show what FILES would become, without a database or a provider."""
    from morpheus_assets.services.novels import describe, inspect_file
    from morpheus_assets.text.chunker_settings import ChunkerSettings

    values = settings()
    chunker = ChunkerSettings(values.chunk_tokens, values.chunk_overlap_tokens)
    answered = True
    for path in files:
        answer = inspect_file(
            path,
            chunker=chunker,
            max_image_pixels=values.max_image_pixels,
        )
        click.echo(json.dumps(answer, ensure_ascii=False) if as_json else describe(answer))
        answered = answered and answer["state"] != "failed"
    if not answered:
        sys.exit(1)


@main.command()
@click.argument("text", required=False)
@click.option("--novel", help="Only in this novel.")
@click.option("--chapter", type=int, help="Only in this chapter (its ordinal); needs --novel.")
@click.option("--panels", is_flag=True, help="Search panels instead of passages.")
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Search panels that look like this image.",
)
@click.option("--mode", type=click.Choice(["hybrid", "vector", "text"]), default="hybrid", show_default=True)
@click.option("-k", "--count", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a hit.")
def search(
    text: str | None,
    novel: str | None,
    chapter: int | None,
    panels: bool,
    image: Path | None,
    mode: str,
    count: int,
    as_json: bool,
) -> None:
    """Find the passages, or with --panels the pictures, that TEXT describes."""
    if (text is None) == (image is None):
        raise click.UsageError("Give a TEXT to search for, or --image FILE.")
    if chapter is not None and novel is None:
        raise click.UsageError("--chapter needs --novel.")
    from morpheus_assets.cli.search import format_hit, hit_as_dict, open_search

    with one_sentence(), open_search(settings()) as searching:
        if image is not None:
            answer = searching.panels_like(image, k=count, novel=novel)
        elif panels:
            answer = searching.panels(text or "", k=count, novel=novel)
        else:
            answer = searching.passages(text or "", k=count, novel=novel, chapter=chapter, mode=mode)
        if not answer.hits and not as_json:
            click.echo(answer.nothing_found)
        for hit in answer.hits:
            row = hit_as_dict(hit) | {"space": answer.space}
            click.echo(json.dumps(row, ensure_ascii=False) if as_json else format_hit(hit))
        for note in answer.notes:
            click.echo(note, err=True)


@main.command()
@click.argument("novel")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(novel: str, yes: bool) -> None:
    """Delete what is stored of NOVEL: text, chapters, chunks and panels; its files must be gone first."""
    from morpheus_assets.services.novels import removable, remove_stored

    with one_sentence():
        plan = removable(settings(), novel)
        if not yes:
            click.confirm(plan.question, abort=True)
        click.echo(remove_stored(settings(), plan))


main.add_command(keys)
main.add_command(reembed)
main.add_command(refused)
main.add_command(result)
main.add_command(spaces)


if __name__ == "__main__":
    sys.exit(main())
