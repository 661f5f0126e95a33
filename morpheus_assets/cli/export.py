"""`morpheus export`: what is stored, written into files that other tools read. Only arguments and printing."""

from pathlib import Path

import click

from morpheus_assets.cli.common import database, one_sentence


@click.group()
def export() -> None:
    """Write what is stored into files for other tools."""


@export.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["parquet", "jsonl"]), default="parquet", show_default=True)
@click.option("--novel", "novels", multiple=True, help="Only this novel; may be given several times.")
@click.option("--licence", default="unknown", show_default=True, help="Written into every row.")
def pairs(folder: Path, form: str, novels: tuple[str, ...], licence: str) -> None:
    """Write training pairs into FOLDER: a file each for train, validation and test, split by novel."""
    from morpheus_assets.services.training_pairs import export_pairs

    with one_sentence(), database() as (engine, _):
        done = export_pairs(engine, folder, form, novels, licence)
    if not done.files:
        raise click.ClickException("No training pairs are stored; materialize the asset `training_pairs` first.")
    for split, file in done.files.items():
        click.echo(f"{done.rows[split]:>8,}  {file}")
