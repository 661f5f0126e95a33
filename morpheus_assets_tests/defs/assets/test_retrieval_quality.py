from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.jobs.measure_retrieval import build_measure_job
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.sensors.new_questions import build_new_questions_sensor
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.services.samples import put_samples_into_empty_content
from morpheus_assets.settings import Settings
from morpheus_assets_tests.defs.model_change import OLD_ASSET, OLD_KEY, add_novel, bodies_of, fill, make_settings, names
from morpheus_assets_tests.fixtures.provider import ProviderServer

KEY = dg.AssetKey(["retrieval_quality", OLD_ASSET])


@pytest.fixture
def settings(engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    for novel in names(2):
        add_novel(engine, novel, bodies_of(novel, 6))
    made = make_settings(database_url, provider_server.base_url(), tmp_path)
    fill(engine, made, OLD_KEY, names(2), active=True)
    return made


def write(settings: Settings, name: str = "mine.tsv", *, more: str = "") -> None:
    folder = settings.content / "questions"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{body.strip()}\t{novel}\t1\t" for novel in names(2) for body in bodies_of(novel, 2)]
    (folder / name).write_text("question\tnovel\tchapters\tquotation\n" + "\n".join(rows) + more)


def materialize(settings: Settings) -> dict[str, dg.MetadataValue]:
    job = build_definitions(settings).resolve_job_def("measure_retrieval")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
        [event] = instance.fetch_materializations(KEY, limit=1).records
        assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
            "finds_no_worse": True,
            "knows_languages": True,
        }
    return dict(event.asset_materialization.metadata)


def test_measures_are_numbers_that_dagster_plots_and_failures_a_table(settings) -> None:
    write(settings, more="\nNowhere to be found\tnovel-000\t9\t\nWho?\tno-such-novel\t1\t")
    metadata = materialize(settings)
    assert metadata["questions"].value == 5
    assert metadata["judged: recall@1"].value == 0.8
    assert metadata["judged: MRR"].value == 0.8
    assert metadata["failed"].value == 1
    [record] = metadata["questions that failed"].records
    assert record.data["question"] == "Nowhere to be found"
    assert record.data["came instead"].startswith("novel-")
    assert "no-such-novel" in metadata["not asked"].value


def test_a_second_run_measures_the_same(settings) -> None:
    write(settings)
    first, second = materialize(settings), materialize(settings)
    assert {name: value for name, value in first.items() if "judged" in name} == {
        name: value for name, value in second.items() if "judged" in name
    }


def test_the_sensor_asks_once_for_each_state_of_the_questions(settings) -> None:
    job = build_measure_job(configured_text_spaces(settings))
    sensor = build_new_questions_sensor(job)

    def tick(cursor: str | None):
        with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance, cursor) as context:
            return sensor(context, database=DatabaseResource(settings))

    assert "write some as content/questions" in tick(None).skip_message
    write(settings)
    asked = tick(None)
    assert len(asked.run_requests) == 1
    assert "same questions" in tick(asked.cursor).skip_message
    write(settings, "more.tsv")
    again = tick(asked.cursor)
    assert again.run_requests[0].run_key != asked.run_requests[0].run_key


def test_the_samples_bring_questions_whose_answers_the_sample_story_holds(settings, tmp_path) -> None:
    from morpheus_assets.services.evaluation.question_files import read_question_files
    from morpheus_assets.services.evaluation.quotations import NovelText

    fresh = settings.model_copy(update={"content": tmp_path / "fresh", "samples": True})
    assert put_samples_into_empty_content(fresh)
    read = read_question_files(fresh)
    assert read.faults == ()
    assert len(read.questions) >= 10
    story = NovelText((fresh.novels_folder / "the-last-lamp.txt").read_text(encoding="utf-8"))
    for question in read.questions:
        assert question.novel == "the-last-lamp"
        assert len(story.find(question.quotation)) == 1, question.quotation
