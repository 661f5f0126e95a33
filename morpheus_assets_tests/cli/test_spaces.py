import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from morpheus_assets.cli.main import main
from morpheus_assets.settings import Settings, load_settings
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.refusals import list_refusals, record_refusals
from morpheus_assets_tests.defs.model_change import NEW, NEW_KEY, OLD_KEY, add_novel, fill, make_settings, names
from morpheus_assets_tests.fixtures.passages import missing_inputs

Command = Callable[..., Result]


@pytest.fixture
def before(engine: Engine, database_url: str, tmp_path: Path) -> Settings:
    """Three novels, whole in the old space, which answers."""
    for novel in names(3):
        add_novel(engine, novel)
    settings = make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path)
    fill(engine, settings, OLD_KEY, names(3), active=True)
    return settings


@pytest.fixture
def morpheus(before: Settings, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """The command line, with settings that name the new space."""
    for name, value in {
        "MORPHEUS_DATABASE_URL": database_url,
        "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "MORPHEUS_CONTENT": str(tmp_path / "content"),
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_TEXT_SPACES": NEW,
        "MORPHEUS_ARCHIVE_FOLDER": str(tmp_path / "archive"),
        "MORPHEUS_DAGSTER_URL": "http://127.0.0.1:9",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    load_settings.cache_clear()


def test_the_plan_names_tokens_price_time_and_disk_and_launches_nothing(morpheus) -> None:
    shown = morpheus("reembed", "--plan")
    assert shown.exit_code == 0
    for part in (
        f"{NEW_KEY}: a new space, beside {OLD_KEY}",
        "3 novels, 9 inputs",
        "$0.00",
        "min at",
        "for the vectors",
    ):
        assert part in shown.output
    [space] = [json.loads(line) for line in morpheus("reembed", "--plan", "--json").output.splitlines()]
    assert (space["space"], space["tonight"]) == (NEW_KEY, names(3))


def test_without_a_running_dagster_one_sentence_says_how_to_go_on(morpheus) -> None:
    failed = morpheus("reembed", "--yes")
    assert failed.exit_code == 1
    assert "The Dagster webserver does not answer at http://127.0.0.1:9" in failed.output
    assert "start it with `morpheus up` or correct MORPHEUS_DAGSTER_URL" in failed.output
    assert "left to the schedule reembed_on_model_change" in failed.output


def test_spaces_are_listed_with_state_coverage_and_size(engine, before, morpheus) -> None:
    fill(engine, before.model_copy(update={"text_spaces": NEW}), NEW_KEY, names(1))
    shown = morpheus("spaces").output
    assert f"{OLD_KEY}  [active, answers text searches; not in the settings]" in shown
    assert f"{NEW_KEY}  [building, text; no. 1 in the settings]" in shown
    assert "33.3 % of 9 covered, 6 missing, 0 refused; 3 vectors" in shown


def test_a_space_is_activated_by_hand_and_back_again(engine, before, morpheus) -> None:
    fill(engine, before.model_copy(update={"text_spaces": NEW}), NEW_KEY, names(3))
    assert f"{OLD_KEY} is retired now" in morpheus("spaces", "activate", NEW_KEY).output
    assert morpheus("spaces", "activate", OLD_KEY).exit_code == 0
    assert spaces.active_space(engine, "text").key == OLD_KEY


def test_a_space_with_gaps_is_refused_with_both_ways_out(engine, before, morpheus) -> None:
    fill(engine, before.model_copy(update={"text_spaces": NEW}), NEW_KEY, names(2))
    refused = morpheus("spaces", "activate", NEW_KEY)
    assert refused.exit_code == 1
    assert "lacks 3 vectors: fill it first" in refused.output
    assert "--anyway" in refused.output


def test_a_dropped_space_is_exported_and_comes_back(engine, before, morpheus, tmp_path: Path) -> None:
    fill(engine, before.model_copy(update={"text_spaces": NEW}), NEW_KEY, names(3))
    morpheus("spaces", "activate", NEW_KEY)
    dropped = morpheus("spaces", "drop", OLD_KEY, "--yes")
    assert f"{OLD_KEY} is dropped. It is exported to" in dropped.output
    [file] = (tmp_path / "archive").iterdir()
    restored = morpheus("spaces", "restore", str(file))
    assert "restored as retired, with 9 of 9 vectors" in restored.output
    assert morpheus("spaces", "activate", OLD_KEY).exit_code == 0


@pytest.mark.parametrize("command", [("drop", "--yes"), ("retire",)])
def test_the_space_that_answers_is_neither_dropped_nor_retired(morpheus, command) -> None:
    refused = morpheus("spaces", command[0], OLD_KEY, *command[1:])
    assert refused.exit_code == 1
    assert "activate another one first" in refused.output


def test_an_unknown_space_is_answered_with_those_that_are_stored(morpheus) -> None:
    assert f"stored are: {OLD_KEY}" in morpheus("spaces", "activate", "nonsense").output


def test_what_is_refused_is_listed_ignored_and_retried(engine, before, morpheus) -> None:
    row = spaces.get_space(engine, OLD_KEY)
    add_novel(engine, "novel-003", ["one strange passage ", "another strange passage "])
    lacking = [each.content_hash for each in missing_inputs(engine, row, "novel-003")]
    record_refusals(engine, row, [(value, "the provider would not have it") for value in lacking])
    shown = morpheus("refused").output
    assert shown.count("the provider would not have it") == 2
    assert "novel-003, chapter 1, passage 1" in shown
    first = lacking[0].hex()[:12]
    assert "1 inputs are ignored" in morpheus("refused", "ignore", first).output
    assert {each.content_hash: each.ignored for each in list_refusals(engine)}[lacking[0]]
    assert "1 input counts as missing again" in morpheus("refused", "retry", first).output
    assert [each.content_hash for each in missing_inputs(engine, row, "novel-003")] == [lacking[0]]
    assert "1 input counts as missing again" in morpheus("refused", "--novel", "novel-003", "retry", "--all").output
    assert "Nothing is refused." in morpheus("refused").output


def test_retrying_without_saying_what_is_refused(morpheus) -> None:
    assert "or use --all" in morpheus("refused", "retry").output
