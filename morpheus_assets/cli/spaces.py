"""`morpheus spaces` and `morpheus refused`. Only arguments and printing."""

import json
from pathlib import Path

import click

from morpheus_assets.cli.common import database, one_sentence, settings
from morpheus_assets.cli.completion import complete_novel, complete_space


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a space.")
@click.pass_context
def spaces(context: click.Context, as_json: bool) -> None:
    """List embedding spaces, and move them by hand."""
    if context.invoked_subcommand is None:
        context.invoke(list_command, as_json=as_json)


@spaces.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a space.")
def list_command(as_json: bool) -> None:
    """List every stored space with state, coverage, size and cost."""
    from morpheus_assets.services.space_lifecycle import describe_space, listed_spaces, space_as_json

    with database() as (engine, values):
        listed = listed_spaces(engine, values)
        for each in listed:
            click.echo(json.dumps(space_as_json(each)) if as_json else describe_space(each, values.retention_days))
        if not listed and not as_json:
            click.echo("No space is stored yet: drop a novel into the content folder and wait for its run.")


@spaces.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a space.")
def check(as_json: bool) -> None:
    """Ask the provider of each space. Tells what it answers: model, limits, speed, faults."""
    from morpheus_assets.services.space_check import check_as_json, check_spaces, describe_checks, unused_tables

    values = settings()
    with one_sentence():
        checked = check_spaces(values)
        unused = unused_tables(values)
    if as_json:
        for each in checked:
            click.echo(json.dumps(check_as_json(each), ensure_ascii=False))
    else:
        click.echo(describe_checks(checked))
    for name in unused:
        click.echo(f"[{name}] of {values.spaces_file.name} is named in none of the lists of spaces.", err=as_json)
    if any(each.fault or each.warning for each in checked):
        raise SystemExit(1)


@spaces.command()
@click.argument("key", shell_complete=complete_space)
@click.option("--anyway", is_flag=True, help="Even if it lacks vectors of what came since it was filled.")
def activate(key: str, anyway: bool) -> None:
    """Let the space KEY answer searches from now on. Also an old one that is still kept."""
    from morpheus_assets.services.space_lifecycle import activate_by_hand

    with database() as (engine, values):
        click.echo(activate_by_hand(engine, values, key, anyway=anyway))


@spaces.command()
@click.argument("key", shell_complete=complete_space)
def retire(key: str) -> None:
    """Begin the retention of the space KEY. Upkeep drops it at its end."""
    from morpheus_assets.services.space_lifecycle import retire_by_hand

    with database() as (engine, values):
        click.echo(retire_by_hand(engine, values, key))


@spaces.command()
@click.argument("key", shell_complete=complete_space)
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(key: str, yes: bool) -> None:
    """Delete the space KEY with all its vectors. They are exported first if MORPHEUS_ARCHIVE_FOLDER is set."""
    from morpheus_assets.services.space_lifecycle import drop_by_hand

    with database() as (engine, values):
        if not yes:
            click.confirm(f"Delete all vectors of {key}?", abort=True)
        click.echo(drop_by_hand(engine, values, key))


@spaces.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Bring back a space from the FILE (Parquet) of its export."""
    from morpheus_assets.services.space_lifecycle import restore as restore_space

    with database() as (engine, _):
        click.echo(restore_space(engine, file))


@click.group(invoke_without_command=True)
@click.option("--novel", help="Only of this novel.", shell_complete=complete_novel)
@click.option("--space", "key", help="Only of this space.", shell_complete=complete_space)
@click.option("--json", "as_json", is_flag=True, help="One JSON object an input.")
@click.pass_context
def refused(context: click.Context, novel: str | None, key: str | None, as_json: bool) -> None:
    """List what a provider will not embed, and retry or ignore it."""
    context.obj = (novel, key)
    if context.invoked_subcommand is None:
        context.invoke(list_refused, as_json=as_json)


@refused.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an input.")
@click.pass_obj
def list_refused(filters: tuple[str | None, str | None], as_json: bool) -> None:
    """List refused passages and panels with the provider's reason."""
    from morpheus_assets.services.refusals import describe_refusal, find_refusals, refusal_as_json

    with database() as (engine, _):
        found = find_refusals(engine, *filters)
        for each in found:
            click.echo(json.dumps(refusal_as_json(each)) if as_json else describe_refusal(each))
        if not found and not as_json:
            click.echo("Nothing is refused.")


@refused.command()
@click.argument("hashes", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that `morpheus refused` lists with the same options.")
@click.pass_obj
def retry(filters: tuple[str | None, str | None], hashes: tuple[str, ...], every: bool) -> None:
    """Ask again for what begins with HASHES. It counts as missing from now on."""
    from morpheus_assets.services.refusals import choose_refusals, retry_refused

    with database() as (engine, _):
        click.echo(retry_refused(engine, choose_refusals(engine, *filters, hashes, every=every)))


@refused.command()
@click.argument("hashes", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that `morpheus refused` lists with the same options.")
@click.pass_obj
def ignore(filters: tuple[str | None, str | None], hashes: tuple[str, ...], every: bool) -> None:
    """Stop warning about what begins with HASHES."""
    from morpheus_assets.services.refusals import choose_refusals, ignore_refused

    with database() as (engine, _):
        click.echo(ignore_refused(engine, choose_refusals(engine, *filters, hashes, every=every)))
