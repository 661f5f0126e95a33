import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from morpheus_assets.cli.main import main
from morpheus_assets.settings import Settings
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD,
    OLD_KEY,
    add_novel,
    bodies_of,
    fill,
    make_settings,
    names,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer


@pytest.fixture
def settings(
    engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for novel in names(3):
        add_novel(engine, novel, bodies_of(novel, 8))
    made = make_settings(database_url, provider_server.base_url(), tmp_path, f"{NEW}, {OLD}")
    fill(engine, made, OLD_KEY, names(3), active=True)
    fill(engine, made, NEW_KEY, names(3))
    spaces.mark_ready(engine, NEW_KEY)
    monkeypatch.setattr("morpheus_assets.cli.common.load_settings", lambda: made)
    return made


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "mine.tsv"
    lines = ["question\tnovel\tchapters\tquotation"]
    lines += [f"{body.strip()}\t{novel}\t1\t{body.strip()}" for novel in names(3) for body in bodies_of(novel, 8)]
    lines += ["Where is it?\tnovel-000\t7\t", "Who?\tunknown\t1\t", "No answer\tnovel-000\t\t"]
    file.write_text("\n".join(lines))
    return file


def run(*arguments: str):
    return CliRunner().invoke(main, ["evaluate", *arguments], catch_exceptions=False)


def test_a_file_of_questions_is_asked_and_its_measures_and_failures_are_printed(settings, questions) -> None:
    result = run(str(questions), "--made", "0")
    assert result.exit_code == 0
    assert f"{OLD_KEY}: 25 questions" in result.output
    assert "judged, passage 24 1.000 1.000 1.000" in " ".join(result.output.split())
    assert "Where is it? (novel-000)\n    instead: novel-" in result.output
    assert "No novel named 'unknown' is stored" in result.output
    assert "mine.tsv, line 28: give the chapters" in result.stderr


def test_two_spaces_are_compared_with_an_interval(settings, questions) -> None:
    result = run(str(questions), "--made", "0", "--space", OLD_KEY, "--space", NEW_KEY)
    assert f"{NEW_KEY} beside {OLD_KEY}: " in result.output
    assert "95 % interval" in result.output
    assert "not worse beyond doubt" in result.output


def test_a_machine_reads_an_object_a_question(settings, questions) -> None:
    rows = [json.loads(line) for line in run(str(questions), "--made", "0", "--json").stdout.splitlines()]
    assert len(rows) == 25
    assert rows[0] | {"instead": ""} == {
        "space": OLD_KEY, "question": bodies_of("novel-000", 8)[0].strip(), "novel": "novel-000", "kind": "judged",
        "ranks": {"chapter": 1, "passage": 1}, "instead": "",
    }  # fmt: skip


def test_the_content_folder_is_asked_when_no_file_is_given_and_nothing_to_ask_is_said(settings, questions) -> None:
    assert "nothing to ask" in run("--made", "0").output
    folder = settings.content / "questions"
    folder.mkdir(parents=True)
    questions.rename(folder / "mine.tsv")
    assert "25 questions" in run("--made", "0").output


def test_a_space_that_is_not_stored_is_named(settings, questions) -> None:
    result = run(str(questions), "--space", "no-such-space")
    assert result.exit_code == 1
    assert "no-such-space" in result.output
