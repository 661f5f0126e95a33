"""`morpheus export`: what is stored, written into files that other tools read. Only arguments and printing."""

from pathlib import Path

import click

from morpheus_assets.cli.common import database, one_sentence
from morpheus_assets.cli.completion import complete_novel


@click.group()
def export() -> None:
    """Write what is stored into files for other tools."""


@export.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "jsonl", "open_clip"]),
    default="parquet",
    show_default=True,
    help="For sentence-transformers; or panels with sentences as open_clip's training reads them.",
)
@click.option(
    "--novel",
    "novels",
    multiple=True,
    help="Only this novel; may be given several times.",
    shell_complete=complete_novel,
)
@click.option("--licence", default="unknown", show_default=True, help="Written into every row.")
@click.option(
    "--least-margin",
    type=float,
    default=0.0,
    show_default=True,
    help="Of panels: how much better their chapter fits than any other. Confirmed ones are always written, those of"
    " a novel whose panels do not follow the chapters only with a margin above 0.",
)
def pairs(folder: Path, form: str, novels: tuple[str, ...], licence: str, least_margin: float) -> None:
    """Write training pairs into FOLDER. A file each for train, validation and test, split by novel.

    Questions and passages as Parquet or JSON lines. With `--format open_clip` panels and the sentences that they show:
    tab-separated files with the columns `filepath` and `title`, and the pictures beside them.
    """
    from morpheus_assets.services.evaluation.question_files import read_question_files
    from morpheus_assets.services.novel_names import verify_stored
    from morpheus_assets.services.panel_pairs import export_panel_pairs
    from morpheus_assets.services.training_pairs import export_pairs

    with one_sentence(), database() as (engine, values):
        verify_stored(engine, novels)
        if form == "open_clip":
            done = export_panel_pairs(engine, values, folder, novels, licence, least_margin)
        else:
            never = {each.question for each in read_question_files(values).questions}
            done = export_pairs(engine, folder, form, novels, licence, never)
    if not done.files:
        if form == "open_clip":
            raise click.ClickException(
                "No panel is confirmed, or follows the chapters and fits its own best: materialize the asset"
                " `scene_panel_match`, confirm scenes in scenes.tsv, or give --least-margin."
            )
        raise click.ClickException("No training pairs are stored; materialize the asset `training_pairs` first.")
    for split, file in done.files.items():
        click.echo(f"{done.rows[split]:>8,}  {file}")
