"""`morpheus inspect` and `morpheus remove`: one novel before it is stored, and after. Only arguments and printing."""

import json
import sys
from pathlib import Path

import click

from morpheus_assets.cli.common import one_sentence, settings, without_library_warnings


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """Show what FILES would become, without a database or a provider."""
    from morpheus_assets.services.inspection import describe, inspect_file
    from morpheus_assets.text.chunking.settings import ChunkerSettings

    values = settings()
    chunker = ChunkerSettings(values.chunk_tokens, values.chunk_overlap_tokens)
    taken = True
    for path in files:
        with without_library_warnings():
            answer = inspect_file(path, chunker=chunker, max_image_pixels=values.max_image_pixels)
        click.echo(json.dumps(answer, ensure_ascii=False) if as_json else describe(answer))
        taken = taken and answer["state"] == "ok"
    if not taken:
        sys.exit(1)


@click.command()
@click.argument("novel")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(novel: str, yes: bool) -> None:
    """Delete what is stored of NOVEL, and its partition in Dagster; its files must be gone first.

    Where only the pictures are gone, its panels alone are deleted.
    """
    from morpheus_assets.services.novels import removable, remove_stored

    with one_sentence():
        plan = removable(settings(), novel)
        if not yes:
            click.confirm(plan.question, abort=True)
        click.echo(remove_stored(settings(), plan))
