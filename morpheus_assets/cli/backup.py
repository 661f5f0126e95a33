"""`morpheus backup` and `morpheus restore`. Only arguments and printing."""

from pathlib import Path

import click

from morpheus_assets.cli.common import one_sentence, settings


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--content-only", is_flag=True, help="Without Dagster's runs and events.")
def backup(file: Path, content_only: bool) -> None:
    """Write all that is stored to FILE. `morpheus up` may run meanwhile.

    Keys of providers stay encrypted: keep MORPHEUS_MASTER_KEY elsewhere. The files of novels and panels are not in it.
    """
    from morpheus_assets.cli.progress import Bytes, size
    from morpheus_assets.services.backup import backup as write_backup

    with one_sentence(), Bytes("Writing") as progress:
        length = write_backup(settings(), file, progress, content_only=content_only)
    click.echo(f"{file}: {size(length)}.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--content-only", is_flag=True, help="Without Dagster's runs and events.")
@click.option("--overwrite", is_flag=True, help="Also where something is stored, which is deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, content_only: bool, overwrite: bool, yes: bool) -> None:
    """Bring back what FILE holds. It goes into the database of the settings; `morpheus up` must not run."""
    from morpheus_assets.cli.progress import Bytes
    from morpheus_assets.services.backup import read_backup
    from morpheus_assets.services.backup import restore as bring_back

    with one_sentence():
        with Bytes("Checking", file.stat().st_size) as progress:
            held = read_backup(file, progress)
        if overwrite and not yes:
            click.confirm(f"Replace what is stored by the backup of {held.taken}?", abort=True)
        with Bytes("Restoring", file.stat().st_size) as progress:
            bring_back(settings(), file, held, progress, click.echo, content_only=content_only, overwrite=overwrite)
    runs = "" if held.dagster and not content_only else ", without Dagster's runs"
    click.echo(f"Restored the backup of {held.taken}{runs}. Start `morpheus up`.")
