"""`morpheus completion`: the shell's completion of commands, options, and names of novels and spaces."""

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion of SHELL. For bash: eval "$(morpheus completion bash)"."""
    made = get_completion_class(shell)
    if made is None:
        raise click.ClickException(f"There is no completion for {shell}.")
    root = context.find_root()
    click.echo(made(root.command, {}, "morpheus", "_MORPHEUS_COMPLETE").source())


def complete_space(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The stored spaces whose key begins so."""
    from morpheus_assets.services.novel_names import spaces_beginning
    from morpheus_assets.settings import load_settings

    return [CompletionItem(key) for key in spaces_beginning(load_settings(), incomplete)]


def complete_novel(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The stored novels whose name begins so."""
    from morpheus_assets.services.novel_names import names_beginning
    from morpheus_assets.settings import load_settings

    return [CompletionItem(name) for name in names_beginning(load_settings(), incomplete)]
