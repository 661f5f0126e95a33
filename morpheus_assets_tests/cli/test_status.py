"""What `morpheus status` and `morpheus novels` show of a stored library; `morpheus` in a shell."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from morpheus_assets.cli import first_ingest
from morpheus_assets.cli.main import main
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.services.dagster_client import DagsterUnavailable, dagster_url
from morpheus_assets.services.process_start import process_start
from morpheus_assets.services.running_parts import PartProcess, write_parts
from morpheus_assets.services.status import ingest_progress
from morpheus_assets.settings import PROJECT_FOLDER, Settings, load_settings
from morpheus_assets.store.accounts.spending import record_spending
from morpheus_assets.store.content.novels import refuse_novel
from morpheus_assets.store.spaces.spaces import register_space
from morpheus_assets_tests import python_path
from morpheus_assets_tests.cli.test_spaces import before, morpheus
from morpheus_assets_tests.defs.model_change import NEW_KEY, OLD_KEY, fill, names
from morpheus_assets_tests.fixtures.dagster_server import DagsterServer

__all__ = ["before", "morpheus"]


@pytest.fixture
def settings(morpheus: Callable, tmp_path: Path) -> Settings:
    return load_settings()


def test_status_shows_what_answers_what_is_missing_what_today_cost_and_what_was_refused(
    morpheus: Callable, settings: Settings, engine: Engine
):
    refuse_novel(engine, "broken", "novels/broken.pdf", None, "The file is no PDF.")
    record_spending(engine, configured_text_spaces(settings)[0], None, tokens=1234, inputs=3, requests=1, cost=None)
    shown = morpheus("status")
    assert shown.exit_code == 0, shown.output
    for part in (
        f"{OLD_KEY} answers since",
        "all 9 embedded",
        "no `morpheus up` over this data folder",
        "1,234 tokens, at unknown price spent",
        "broken: The file is no PDF.",
        "its last failures are not known",
        "novels      4",
    ):
        assert part in shown.output, shown.output
    found = json.loads(morpheus("status", "--json").output)
    assert found["spaces"][0]["key"] == OLD_KEY
    assert found["spaces"][0]["missing"] == 0
    assert found["spent_tokens"] == 1234
    assert found["refused_novels"] == {"broken": "The file is no PDF."}
    assert found["failures"] is None
    assert settings.database_url is not None
    assert "password" not in shown.output


def test_status_shows_the_parts_that_run_and_where(morpheus: Callable, settings: Settings):
    me = psutil.Process()
    settings.data_folder.mkdir(exist_ok=True)
    parts = [PartProcess("daemon", me.pid, process_start(me), True), PartProcess("code server", me.pid, 1.0, True)]
    write_parts(settings.data_folder, "http://127.0.0.1:3007", "http://127.0.0.1:8007", parts)
    shown = morpheus("status").output
    assert "running     daemon ok, code server down" in shown
    assert "search      http://127.0.0.1:8007/" in shown


def test_a_failure_that_nobody_foresaw_is_told_by_its_cause_and_its_novels_once(
    morpheus: Callable, monkeypatch: pytest.MonkeyPatch
):
    server = DagsterServer()
    wrapped = 'dagster.DagsterExecutionHandleOutputError: Error occurred while handling output "result":'
    chain = [{"error": {"message": wrapped}}, {"error": {"message": "KeyError: 'hue'\n"}}]
    novels = [
        {"key": f"dagster/asset_partition_range_{end}", "value": name}
        for end, name in (("start", "emma"), ("end", "emma"))
    ]
    server.runs["1"] = {
        "status": "FAILURE",
        "job": "__ASSET_JOB",
        "tags": novels,
        "events": [
            {
                "__typename": "ExecutionStepFailureEvent",
                "error": {"message": wrapped, "errorChain": chain},
                "failureMetadata": None,
            }
        ],
    }
    monkeypatch.setenv("MORPHEUS_DAGSTER_URL", server.url)
    load_settings.cache_clear()
    shown = morpheus("status").output
    assert "failed      a materialization of emma: KeyError: 'hue'" in shown
    assert "definitions" not in shown
    server.load_fault = {"__typename": "PythonError", "message": "Error loading …", "errorChain": chain}
    assert "definitions cannot be loaded: KeyError: 'hue'" in morpheus("status").output
    server.shutdown()


def test_novels_are_listed_with_what_each_lacks(morpheus: Callable, settings: Settings, engine: Engine):
    refuse_novel(engine, "broken", "novels/broken.pdf", None, "The file is no PDF.")
    listed = morpheus("novels")
    assert listed.exit_code == 0, listed.output
    assert listed.output.splitlines()[-1] == "broken: The file is no PDF."
    rows = [json.loads(line) for line in morpheus("novels", "--json").output.splitlines()]
    assert [row["novel"] for row in rows] == sorted(row["novel"] for row in rows)
    by_name = {row["novel"]: row for row in rows}
    assert by_name["broken"]["refused"] == "The file is no PDF."
    assert by_name["novel-000"]["passages"] == 3


def test_lists_have_a_form_for_machines(morpheus: Callable):
    [space] = [json.loads(line) for line in morpheus("spaces", "--json").output.splitlines()]
    assert (space["key"], space["state"], space["missing"]) == (OLD_KEY, "active", 0)
    assert morpheus("spaces", "list", "--json").output == morpheus("spaces", "--json").output
    assert morpheus("refused", "--json").output == ""
    assert morpheus("keys", "list", "--json").output == ""
    assert morpheus("batches", "--json").output == morpheus("batches", "list", "--all", "--json").output == ""
    checked = morpheus("spaces", "check", "--json")
    [space] = [json.loads(line) for line in checked.stdout.splitlines()]
    assert checked.exit_code == 1
    assert (space["space"], space["provider"]) == (NEW_KEY, "openai")
    assert "127.0.0.1:9" in space["fault"]


def test_progress_counts_what_the_configured_spaces_need(engine: Engine, settings: Settings):
    assert ingest_progress(engine, settings) == (0, 0)
    register_space(engine, configured_text_spaces(settings)[0])
    assert ingest_progress(engine, settings) == (0, 9)


def test_the_first_ingest_is_shown_until_it_is_over(
    engine: Engine, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(first_ingest, "_EVERY_SECONDS", 0.0)
    shown: list[tuple[str, bool]] = []
    first = first_ingest.FirstIngest(settings, database_url, lambda line, last: shown.append((line, last)))
    first.look()
    assert shown == [], "nothing is to be embedded yet"
    row = register_space(engine, configured_text_spaces(settings)[0])
    for _ in range(2):
        first.look()
    assert shown == [("Embedded 0 of 9 passages and panels", False)]
    fill(engine, settings, row.key, names(3))
    first.look()
    first.look()
    assert shown[1:] == [("Embedded 9 of 9 passages and panels", True)]


def test_a_misspelt_novel_is_answered_with_those_near_it(morpheus: Callable, tmp_path: Path):
    for command in (
        ("search", "a ship", "--novel", "novel-0000"),
        ("remove", "novel-0000"),
        ("refused", "--novel", "novel-0000"),
        ("export", "pairs", str(tmp_path / "pairs"), "--novel", "novel-0000"),
    ):
        done = morpheus(*command)
        assert done.exit_code == 1
        assert "No novel named 'novel-0000' is stored; did you mean 'novel-00" in done.output, done.output
    done = morpheus("search", "a ship", "--novel", "zzz")
    assert done.output.strip().endswith("No novel named 'zzz' is stored.")


def test_work_is_never_given_to_another_checkout_that_runs_on_the_usual_port(tmp_path: Path):
    own = Settings(_env_file=None, data_folder=tmp_path)
    with pytest.raises(DagsterUnavailable, match=f"No Dagster runs over {tmp_path}"):
        dagster_url(own)
    write_parts(tmp_path, "http://127.0.0.1:3004", None, [])
    assert dagster_url(own) == "http://127.0.0.1:3004"
    named = Settings(_env_file=None, data_folder=tmp_path, dagster_url="http://dagster.example.org")
    assert dagster_url(named) == "http://dagster.example.org"


def test_the_shell_completes_commands_and_the_names_of_novels(morpheus: Callable):
    assert "_MORPHEUS_COMPLETE" in CliRunner().invoke(main, ["completion", "zsh"]).output
    environment = os.environ | {"_MORPHEUS_COMPLETE": "bash_complete", "PYTHONPATH": python_path(PROJECT_FOLDER)}
    program = "from morpheus_assets.cli.main import main; main(prog_name='morpheus')"
    found = {}
    for words in ("morpheus stat", "morpheus search x --novel novel-00", f"morpheus spaces activate {OLD_KEY[:6]}"):
        asked = environment | {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        done = subprocess.run([sys.executable, "-c", program], env=asked, capture_output=True, text=True, check=False)
        found[words] = done.stdout.split()
    assert found["morpheus stat"] == ["plain,status"]
    assert "plain,novel-000" in found["morpheus search x --novel novel-00"]
    assert f"plain,{OLD_KEY}" in found[f"morpheus spaces activate {OLD_KEY[:6]}"]


def test_no_line_of_the_help_is_cut_off():
    def groups(command: click.Group) -> Iterator[click.Group]:
        yield command
        for each in command.commands.values():
            if isinstance(each, click.Group):
                yield from groups(each)

    for group in groups(main):
        shown = group.get_help(click.Context(group, info_name="morpheus"))
        assert "..." not in shown.partition("Commands:")[2], shown


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert CliRunner().invoke(main, ["--version"]).output.strip() == version("morpheus-assets")
