"""`morpheus evaluate`: how well a space finds, and whether another one finds better. Only arguments and printing."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from morpheus_assets.cli.common import database
from morpheus_assets.cli.completion import complete_space
from morpheus_assets.cli.progress import bar


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--space",
    "keys",
    multiple=True,
    help="A text space's key; twice to compare. Default: the active one.",
    shell_complete=complete_space,
)
@click.option("--made", type=click.IntRange(0, 1000), default=60, show_default=True, help="Passages to ask of.")
@click.option("--mode", type=click.Choice(["hybrid", "vector", "text"]), default="hybrid", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a question.")
def evaluate(file: Path | None, keys: tuple[str, ...], made: int, mode: str, as_json: bool) -> None:
    """Measure how well questions find their answers. They are those of FILE, or of content/questions.

    Others are made of stored passages: a sentence, and five of its rarer words. With two spaces the second is compared
    with the first.
    """
    if len(keys) > 2:
        raise click.UsageError("Give --space once, or twice to compare.")
    from morpheus_assets.services.evaluation.comparison import compare
    from morpheus_assets.services.evaluation.evaluate import evaluate as ask
    from morpheus_assets.services.evaluation.evaluate import questions_for
    from morpheus_assets.services.evaluation.question_files import read_question_files
    from morpheus_assets.services.evaluation.questions import read_questions
    from morpheus_assets.services.evaluation.report import describe_measured
    from morpheus_assets.store.spaces.spaces import active_space, get_space

    with database() as (engine, settings):
        if file is not None:
            read = read_questions(file.read_text(encoding="utf-8", errors="replace"), file.name)
            judged, faults = list(read.questions), read.faults
        else:
            found = read_question_files(settings)
            judged, faults = found.questions, found.faults
        for fault in faults:
            click.echo(fault, err=True)
        active = None if keys else active_space(engine, "text")
        if not keys and active is None:
            raise click.ClickException("No text space is active yet: drop a novel into the content folder.")
        rows = [get_space(engine, key) for key in keys] or ([active] if active else [])
        questions = questions_for(engine, judged, made)
        if not questions:
            raise click.ClickException("There is nothing to ask: write questions, or store a novel first.")
        with bar("Asking", len(rows) * len(questions)) as step:
            measured = [ask(engine, settings, row, questions, mode=mode, step=step) for row in rows]
        comparison = compare(measured[1].outcomes, measured[0].outcomes) if len(measured) == 2 else None
        if as_json:
            for each in measured:
                for outcome in each.outcomes:
                    told = {"space": each.space.key, **outcome.as_json(), "instead": outcome.instead}
                    click.echo(json.dumps(told, ensure_ascii=False))
            if comparison is not None:
                click.echo(json.dumps({"difference": asdict(comparison)}))
            return
        click.echo("\n\n".join(map(describe_measured, measured)))
        if comparison is not None:
            said = "worse beyond doubt" if comparison.is_worse else "not worse beyond doubt"
            click.echo(f"\n{measured[1].space.key} beside {measured[0].space.key}: {comparison}, {said}.")
