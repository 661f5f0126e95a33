"""`morpheus status`. Only arguments and printing."""

import json
import time

import click

from morpheus_assets.cli.common import database

WATCH_SECONDS = 2.0


@click.command()
@click.option("--watch", is_flag=True, help="Show it anew every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(watch: bool, as_json: bool) -> None:
    """Show what runs, answers, is missing, was spent and failed."""
    from morpheus_assets.services.status import describe_status, read_status

    while True:
        with database() as (engine, values):
            found = read_status(engine, values)
        if watch and not as_json:
            click.clear()
        click.echo(json.dumps(found.as_json(), ensure_ascii=False) if as_json else describe_status(found))
        if not watch:
            return
        time.sleep(WATCH_SECONDS)
