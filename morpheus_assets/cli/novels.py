"""`morpheus novels`, `inspect` and `remove`: what is stored, and one before and after. Only arguments and printing."""

import json
import sys
from contextlib import suppress
from pathlib import Path

import click

from morpheus_assets.cli.common import database, one_sentence, settings, without_library_warnings
from morpheus_assets.cli.completion import complete_novel
from morpheus_assets.domain.spaces import Space


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """Show what FILES would become. Needs no database and no provider."""
    from morpheus_assets.embedding.errors import ConfigurationError
    from morpheus_assets.services.chunker import configured_chunker
    from morpheus_assets.services.configured_spaces import configured_text_spaces
    from morpheus_assets.services.inspection import describe, inspect_file

    values = settings()
    spaces: list[Space] = []
    with suppress(ConfigurationError):
        # what a file becomes is told whatever the settings say of models
        spaces = configured_text_spaces(values)
    chunker = configured_chunker(values, spaces)
    taken = True
    for path in files:
        with without_library_warnings():
            answer = inspect_file(path, chunker=chunker, max_image_pixels=values.max_image_pixels, spaces=spaces)
        click.echo(json.dumps(answer, ensure_ascii=False) if as_json else describe(answer))
        taken = taken and answer["state"] == "ok"
    if not taken:
        sys.exit(1)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a novel.")
def novels(as_json: bool) -> None:
    """List the stored novels and what each lacks. With chapters, passages, panels, and what was refused."""
    from morpheus_assets.services.stored_novels import describe_novels, novel_as_json, stored_novels

    with database() as (engine, values):
        found = stored_novels(engine, values)
    if as_json:
        for each in found:
            click.echo(json.dumps(novel_as_json(each), ensure_ascii=False))
    else:
        click.echo(describe_novels(found))


@click.command()
@click.argument("novel", shell_complete=complete_novel)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(novel: str, yes: bool) -> None:
    """Delete what is stored of NOVEL. Its partition in Dagster goes too; its files must be gone first.

    Where only the pictures, or only the text's file, are gone, its panels or its text alone are deleted.
    """
    from morpheus_assets.services.novels import removable, remove_stored

    with one_sentence():
        plan = removable(settings(), novel)
        if not yes:
            click.confirm(plan.question, abort=True)
        click.echo(remove_stored(settings(), plan))
