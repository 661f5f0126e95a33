from datetime import timedelta

import dagster as dg
import pytest

from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.defs.sensors import failed_ingests
from morpheus_assets.defs.sensors.failed_ingests import AGAIN_TAG, TRY_TAG, failed_ingests_sensor
from morpheus_assets.defs.sensors.new_content import new_novels_sensor
from morpheus_assets.services.ingest_plan import unfinished
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, story

SECOND = timedelta(0)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_ingests, "WAITS", (SECOND,) * 5)


def look(deployment: Deployment) -> list[dg.RunRequest]:
    """What the sensor asks for at one tick."""
    resources = {"database": DatabaseResource(deployment.settings)}
    context = dg.build_sensor_context(instance=deployment.instance, resources=resources)
    result = failed_ingests_sensor(context)
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


def notice_files(deployment: Deployment) -> None:
    """Let the sensor of new novels see the folder once."""
    resources = {
        "database": DatabaseResource(deployment.settings),
        "content_folder": ContentFolderResource(deployment.settings),
    }
    new_novels_sensor(dg.build_sensor_context(instance=deployment.instance, resources=resources))


def launch(deployment: Deployment, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    job = deployment.definitions.resolve_job_def(request.job_name)
    return job.execute_in_process(
        instance=deployment.instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        raise_on_error=False,
    )


def use(deployment: Deployment, base_url: str) -> None:
    deployment.settings.openai_base_url = base_url
    deployment.rebuild()


def test_an_ingest_that_failed_is_run_again_by_itself_and_pays_only_for_the_rest(deployment: Deployment, at_once):
    deployment.settings.inputs_per_request = 8
    deployment.drop("emma.txt", story(chapters=8))
    notice_files(deployment)
    use(deployment, deployment.server.base_url(script="+".join(["ok"] * 2 + ["503"] * 50)))
    failed = deployment.ingest("emma")
    assert not failed.success

    [request] = look(deployment)
    assert request.partition_key == "emma"
    assert request.tags[AGAIN_TAG] == failed.run_id
    good = deployment.server.base_url()
    use(deployment, good)
    assert launch(deployment, request).success
    assert look(deployment) == []
    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
    assert deployment.server.stats(good)["inputs"] == needed - 16


def test_a_run_that_a_person_cancelled_is_not_run_again_by_itself(deployment: Deployment, at_once):
    deployment.drop("emma.txt", story())
    notice_files(deployment)
    job = deployment.definitions.resolve_job_def("ingest_novels")
    run = deployment.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={**job.tags, "dagster/partition": "emma"}
    )
    deployment.instance.report_run_canceled(run)
    assert unfinished(deployment.engine, deployment.settings, "text", ["emma"]) == {"emma"}, "it stays missing"
    assert look(deployment) == []


def test_each_try_waits_longer_and_after_the_last_none_follows(deployment: Deployment, monkeypatch):
    deployment.drop("emma.txt", story())
    notice_files(deployment)
    use(deployment, deployment.server.base_url("503"))
    deployment.ingest("emma")
    assert look(deployment) == []

    monkeypatch.setattr(failed_ingests, "WAITS", (SECOND, SECOND, timedelta(hours=1)))
    for number in ("1", "2"):
        [request] = look(deployment)
        assert request.tags[TRY_TAG] == number
        assert not launch(deployment, request).success
    assert look(deployment) == []
    monkeypatch.setattr(failed_ingests, "WAITS", (SECOND, SECOND))
    assert look(deployment) == []


def test_a_novel_that_is_refused_or_whole_or_gone_is_not_tried_again(deployment: Deployment, at_once):
    deployment.drop("emma.txt", b"")
    deployment.drop("anna.txt", story())
    notice_files(deployment)
    deployment.instance.add_dynamic_partitions("novels", ["emma", "anna", "nobody"])
    use(deployment, deployment.server.base_url("503"))
    for novel in ("emma", "anna", "nobody"):
        assert not deployment.ingest(novel).success
    use(deployment, deployment.server.base_url())
    assert deployment.ingest("anna").success
    assert look(deployment) == []


def test_a_range_of_novels_is_tried_again_as_one_run(deployment: Deployment, at_once):
    names = ["anna", "bella", "clara"]
    for number, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(seed=number))
    notice_files(deployment)
    use(deployment, deployment.server.base_url("503"))
    assert not deployment.ingest(*names).success
    [request] = look(deployment)
    use(deployment, deployment.server.base_url())
    assert launch(deployment, request).success
    assert deployment.rows("SELECT count(DISTINCT novel) FROM spending WHERE inputs > 0") == [(3,)]


def test_a_run_that_ended_between_reading_and_cutting_leaves_its_novel_stale(deployment: Deployment, at_once):
    deployment.drop("emma.txt", story(chapters=3))
    notice_files(deployment)
    assert deployment.ingest("emma").success
    deployment.drop("emma.txt", story(chapters=5))
    notice_files(deployment)
    # As a kill between the steps leaves it: the new text is stored, its chapters and chunks are not.
    job = deployment.definitions.resolve_job_def("ingest_novels")
    job.execute_in_process(instance=deployment.instance, partition_key="emma", asset_selection=[dg.AssetKey("novels")])
    assert deployment.rows("SELECT chunks_of = source_digest FROM novels") == [(False,)]
    assert unfinished(deployment.engine, deployment.settings, "text", ["emma"]) == {"emma"}
    assert deployment.ingest("emma").success
    assert unfinished(deployment.engine, deployment.settings, "text", ["emma"]) == set()


def test_chunks_are_not_cut_from_a_text_with_the_chapters_of_another(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=3))
    assert deployment.ingest("emma").success
    before = deployment.rows("SELECT ordinal, body FROM novel_chunks ORDER BY 1")
    deployment.drop("emma.txt", story(chapters=5))
    job = deployment.definitions.resolve_job_def("ingest_novels")
    options = {"instance": deployment.instance, "partition_key": "emma", "raise_on_error": False}
    assert job.execute_in_process(asset_selection=[dg.AssetKey("novels")], **options).success
    result = job.execute_in_process(asset_selection=[dg.AssetKey("chunks")], **options)
    assert not result.success
    assert "belong to another text" in failure_of(result)
    assert deployment.rows("SELECT ordinal, body FROM novel_chunks ORDER BY 1") == before


def test_after_a_change_of_settings_what_failed_is_run_again_without_a_wait(deployment: Deployment):
    deployment.drop("emma.txt", story(chapters=1))
    notice_files(deployment)
    good = deployment.settings.openai_base_url
    use(deployment, "http://127.0.0.1:9/v1")
    assert not deployment.ingest("emma").success
    resources = {"database": DatabaseResource(deployment.settings)}

    def tick(cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
        context = dg.build_sensor_context(instance=deployment.instance, resources=resources, cursor=cursor)
        result = failed_ingests_sensor(context)
        if isinstance(result, dg.SensorResult):
            return list(result.run_requests or []), result.cursor
        return [], context.cursor

    requests, cursor = tick(None)
    assert requests == [], "the first try has its wait"
    assert tick(cursor) == ([], cursor)
    use(deployment, good)
    [request], changed = tick(cursor)
    assert changed != cursor
    assert launch(deployment, request).success
    assert tick(changed)[0] == []


def test_a_failed_run_over_an_asset_that_is_no_more_is_repeated_over_the_spaces_of_today(
    deployment: Deployment, at_once
):
    deployment.drop("emma.txt", story(chapters=2))
    notice_files(deployment)
    use(deployment, deployment.server.base_url(script="+".join(["503"] * 50)))
    deployment.instance.add_dynamic_partitions("novels", ["emma"])
    chunks, space = dg.AssetKey("chunks"), dg.AssetKey(["text_embeddings", "openai-3-small-256"])
    upstream = [dg.AssetKey("novels"), dg.AssetKey("chapters")]
    job = deployment.definitions.resolve_job_def("ingest_novels")
    assert not job.execute_in_process(
        instance=deployment.instance, partition_key="emma", asset_selection=[*upstream, chunks, space],
        raise_on_error=False,
    ).success  # fmt: skip

    moved = deployment.with_settings(text_spaces="openai/text-embedding-3-small@128")
    [request] = look(moved)
    today = dg.AssetKey(["text_embeddings", "openai-3-small-128"])
    assert set(request.asset_selection or ()) == {*upstream, chunks, today}
