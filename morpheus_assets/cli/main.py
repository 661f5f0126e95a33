"""The `morpheus` command, assembled from its groups.

Commands hold arguments and printing; what does the work, and all that is heavy, is imported when a command runs.
"""

import json
import sys
from pathlib import Path
from typing import Any

import click

from morpheus_assets.cli.backup import backup, restore
from morpheus_assets.cli.batches import batches
from morpheus_assets.cli.common import one_sentence, settings
from morpheus_assets.cli.completion import complete_novel, completion
from morpheus_assets.cli.evaluate import evaluate
from morpheus_assets.cli.export import export
from morpheus_assets.cli.keys import keys
from morpheus_assets.cli.mcp import mcp
from morpheus_assets.cli.novels import inspect, novels, remove
from morpheus_assets.cli.processes import demo, execute, serve, up, worker
from morpheus_assets.cli.reembed import reembed
from morpheus_assets.cli.results import result
from morpheus_assets.cli.spaces import refused, spaces
from morpheus_assets.cli.status import status


@click.group()
@click.version_option(package_name="morpheus-assets", message="%(version)s")
def main() -> None:
    """Novels and comic panels as searchable vectors, kept right by Dagster."""


@main.command()
@click.argument("text", required=False)
@click.option(
    "--novel",
    "only",
    multiple=True,
    help="Only in this novel; repeat it for several.",
    shell_complete=complete_novel,
)
@click.option("--chapter", type=int, help="Only in this chapter (its ordinal); needs --novel.")
@click.option("--language", "languages", multiple=True, help="Only novels in this language (en, fr, zh …).")
@click.option("--author", "authors", multiple=True, help="Only novels by an author with this in the name.")
@click.option("--min-similarity", type=click.FloatRange(-1, 1), help="Leave out what is less similar, by its cosine.")
@click.option(
    "--better-than",
    type=click.FloatRange(50, 100, max_open=True),
    help="Leave out what is no more like TEXT than so many percent of all that is stored.",
)
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
    only: tuple[str, ...],
    chapter: int | None,
    languages: tuple[str, ...],
    authors: tuple[str, ...],
    min_similarity: float | None,
    better_than: float | None,
    panels: bool,
    image: Path | None,
    mode: str,
    count: int,
    as_json: bool,
) -> None:
    """Find passages, or with --panels pictures, that TEXT describes."""
    if (text is None) == (image is None):
        raise click.UsageError("Give a TEXT to search for, or --image FILE.")
    if better_than is not None and image is not None:
        raise click.UsageError("--better-than needs a TEXT; with --image give --min-similarity.")
    if chapter is not None and not only:
        raise click.UsageError("--chapter needs --novel.")
    from morpheus_assets.cli.hits import format_row
    from morpheus_assets.cli.search_by_api import search_by_api

    values = settings()
    with one_sentence():
        filters: dict[str, Any] = {"novel": only, "min_similarity": min_similarity}
        if image is None:
            filters |= {"language": languages, "author": authors, "kind": "panels" if panels else "text"}
            filters["better_than"] = better_than
        if image is None and not panels:
            filters |= {"chapter": chapter, "mode": mode}
        found = search_by_api(values, text, image, k=count, **filters)
        if found is None:
            from morpheus_assets.cli.search import search_here

            found = search_here(
                values, image, q=text, k=count, novel=only, chapter=chapter, languages=languages, authors=authors,
                mode=mode, kind="panels" if panels or image is not None else "text", min_similarity=min_similarity,
                better_than=better_than,
            )  # fmt: skip
    if not found.rows and not as_json:
        click.echo(found.nothing_found)
    for row in found.rows:
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else format_row(row))
    for note in found.notes:
        click.echo(note, err=True)


for each in (
    backup,
    batches,
    completion,
    demo,
    evaluate,
    execute,
    export,
    inspect,
    keys,
    mcp,
    novels,
    reembed,
    refused,
    remove,
    restore,
    result,
    serve,
    spaces,
    status,
    up,
    worker,
):
    main.add_command(each)


if __name__ == "__main__":
    sys.exit(main())
