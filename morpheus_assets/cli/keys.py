"""`morpheus keys`: provider keys, encrypted in Postgres. Only arguments and printing; a key is never printed."""

import json
import sys

import click

from morpheus_assets.cli.common import database

provider_argument = click.argument("provider")


@click.group()
def keys() -> None:
    """Keep provider keys encrypted in Postgres. Variables such as OPENAI_API_KEY win over them."""


@keys.command(name="new-master")
def new_master() -> None:
    """Print a new master key. Keep it in a secret store as MORPHEUS_MASTER_KEY."""
    from morpheus_assets.store.accounts.provider_keys import MasterKey

    click.echo(MasterKey.new())


@keys.command(name="set")
@provider_argument
def set_key(provider: str) -> None:
    """Store the key of PROVIDER. It is read from the terminal without echo, or from standard input.

    PROVIDER may also be a name that a table of spaces.toml gives as `stored_key`.
    """
    from morpheus_assets.services.configured_spaces import names_of_keys
    from morpheus_assets.services.provider_keys import master_keys
    from morpheus_assets.store.accounts.provider_keys import save_key

    with database() as (engine, values):
        known = names_of_keys(values)
        if provider not in known:
            raise click.ClickException(
                f"{provider} is neither a provider with a key nor a stored_key of spaces.toml: known are"
                f" {', '.join(known)}."
            )
        masters = master_keys(values)
        if values.master_key is None:
            raise click.ClickException(
                "MORPHEUS_MASTER_KEY is not set: make one with `morpheus keys new-master` and keep it safe."
            )
        # never an argument: those stand in the shell's history and in every list of processes
        key = click.prompt(f"Key of {provider}", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        if len(key.strip()) < 8:
            raise click.ClickException("That is no key: it is empty or too short.")
        save_key(engine, provider, key.strip(), masters[0])
        click.echo(f"The key of {provider} is stored under master key {masters[0].name}.")
        if getattr(values, f"{provider}_api_key", None) is not None:
            click.echo(f"{provider.upper()}_API_KEY is set as well and wins over it.", err=True)


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a key.")
def list_command(as_json: bool) -> None:
    """List the providers that have a stored key. The keys themselves are never shown."""
    from morpheus_assets.store.accounts.provider_keys import list_keys

    with database() as (engine, _):
        stored = list_keys(engine)
        for key in stored:
            row = {"provider": key.provider, "stored": key.updated_at.isoformat(), "master_key": key.master}
            said = f"{key.provider:12} stored {key.updated_at:%Y-%m-%d %H:%M} under master key {key.master}"
            click.echo(json.dumps(row) if as_json else said)
        if not stored and not as_json:
            click.echo("No provider key is stored.")


@keys.command()
@provider_argument
def remove(provider: str) -> None:
    """Delete the stored key of PROVIDER."""
    from morpheus_assets.store.accounts.provider_keys import remove_key

    with database() as (engine, _):
        found = remove_key(engine, provider)
    click.echo(f"The key of {provider} is deleted." if found else f"No key of {provider} was stored.")


@keys.command()
def rotate() -> None:
    """Encrypt all stored keys anew. MORPHEUS_MASTER_KEY is the new key, MORPHEUS_PREVIOUS_MASTER_KEY the one before."""
    from morpheus_assets.services.provider_keys import master_keys
    from morpheus_assets.store.accounts.provider_keys import rotate as rotate_keys

    with database() as (engine, values):
        masters = master_keys(values)
        if values.master_key is None or values.previous_master_key is None:
            raise click.ClickException(
                "Set MORPHEUS_MASTER_KEY to the new master key and MORPHEUS_PREVIOUS_MASTER_KEY to the old one."
            )
        count = rotate_keys(engine, masters[1], masters[0])
        click.echo(f"{count} keys are now under master key {masters[0].name}; the previous one is not needed any more.")
