"""Jobs against a real Dagster webserver with the real definitions; runs execute, backfills are only asked for.

What takes long there, a job about which nothing is new, is asked of a server that only remembers runs.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from morpheus_assets.api.routes import jobs
from morpheus_assets.settings import Settings
from morpheus_assets_tests.api.conftest import SECRET, SPACE, Api
from morpheus_assets_tests.fixtures.dagster_server import DagsterServer
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of
from morpheus_assets_tests.fixtures.webserver import running_webserver

_INSTANCE = """
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
telemetry: {enabled: false}
nux: {enabled: false}
"""


@pytest.fixture
def dagster_url(make_settings: Callable[..., Settings], tmp_path: Path) -> Iterator[str]:
    """A webserver whose runs start at once, beside the database and the fake provider of the test."""
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(_INSTANCE)
    settings = make_settings()
    assert settings.database_url is not None
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MORPHEUS_", "OPENAI_"))},
        "DAGSTER_HOME": str(home), "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_DOTENV": os.devnull,
        "MORPHEUS_DATA_FOLDER": str(settings.data_folder), "MORPHEUS_CONTENT": str(settings.content),
        "MORPHEUS_TEXT_SPACES": SPACE, "MORPHEUS_IMAGE_SPACES": "open_clip/demo", "OPENAI_API_KEY": SECRET,
        "OPENAI_BASE_URL": settings.openai_base_url or "", "MORPHEUS_SAMPLES": "false",
    }  # fmt: skip
    with running_webserver(environment, home) as url:
        yield url


def add_partition(url: str, novel: str) -> None:
    query = """mutation($key: String!, $selector: RepositorySelector!) { addDynamicPartition(partitionKey: $key,
      partitionsDefName: "novels", repositorySelector: $selector) { __typename } }"""
    selector = {"repositoryName": "__repository__", "repositoryLocationName": "morpheus_assets"}
    answer = httpx.post(
        f"{url}/graphql", json={"query": query, "variables": {"key": novel, "selector": selector}}, timeout=300
    )
    assert answer.json()["data"]["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess"


def follow(api: Api, job: dict) -> list[dict]:
    events = []
    headers = {"accept": "application/x-ndjson"}
    with api.client.stream("GET", job["events_url"], timeout=600, headers=headers) as answer:
        for line in answer.iter_lines():
            events.append(json.loads(line))
    return events


def runs_launched_with_a_key(url: str) -> list[str]:
    query = "{ runsOrError { ... on Runs { results { runId tags { key } } } } }"
    found = httpx.post(f"{url}/graphql", json={"query": query}, timeout=300).json()["data"]["runsOrError"]["results"]
    return [run["runId"] for run in found if any(tag["key"] == "morpheus/request" for tag in run["tags"])]


def bases_of_runs() -> list[psutil.Process]:
    """The processes of code servers below this one from which the processes of runs are forked."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "forkserver" in " ".join(process.cmdline()) and "grpc" in process.parent().cmdline():
                found.append(process)
    return found


@contextmanager
def runs_of(base: psutil.Process | None) -> Iterator[set[int]]:
    """The ids of processes that are forked from `base`, or from whichever, while the block runs."""
    found: set[int] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            for each in [base] if base is not None else bases_of_runs():
                with suppress(psutil.NoSuchProcess):
                    found.update(child.pid for child in each.children())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


@pytest.mark.slow(27)
def test_jobs_are_launched_followed_looked_up_and_cancelled(
    start_api: Callable[..., Api], dagster_url: str, add_novel: Callable, provider_server: ProviderServer,
    make_settings: Callable[..., Settings],
):  # fmt: skip
    api = start_api(dagster_url=dagster_url)
    paragraphs = (f"On the evening of day {n} the ship came home with lamps lit. " * 12 for n in range(40))
    text = "CHAPTER I.\n\n" + "\n\n".join(paragraphs) + "\n\nCHAPTER II.\n\nThe end came soon, and nobody saw it.\n"
    api.settings.novels_folder.mkdir(parents=True)
    (api.settings.novels_folder / "alpha.txt").write_text(text)
    for novel in ("alpha", "beta"):
        add_novel(novel, [f"An earlier text of {novel}."])
        add_partition(dagster_url, novel)

    launched = api.client.post("/api/embeddings/batch", json={"novel": "alpha"})
    assert launched.status_code == 202
    generated = api.client.post("/api/jobs", json={"inputs": ["One ship.", "Two lamps."], "input_type": "query"})
    assert generated.status_code == 202

    last = follow(api, launched.json())[-1]
    assert (last["event"], last["status"], last["error"]) == ("end", "succeeded", None)
    progress = last["progress"]
    assert progress["done"] == progress["of"] > 20
    assert progress["tokens"] > 1000
    assert progress["price_dollars"] == pytest.approx(progress["tokens"] * 0.02e-6)
    assert last["novels"] == ["alpha"]

    last = follow(api, generated.json())[-1]
    assert (last["status"], last["result"]["inputs"]) == ("succeeded", 2)
    result = api.client.get(last["result"]["url"]).json()
    assert result["totalTokens"] == result["total_tokens"] == last["result"]["totalTokens"] > 0
    assert result["inputType"] == result["input_type"] == "query"
    np.testing.assert_allclose(result["embeddings"], vectors_of(["One ship.", "Two lamps."], 256), atol=1e-7)

    # the process that runs are forked from may die too
    [base] = bases_of_runs()
    base.kill()
    key = {"Idempotency-Key": "once"}
    wanted = {"inputs": "One ship.", "inputType": "query"}
    with runs_of(base) as before, runs_of(None) as after:
        # on a busy machine the new base takes longer than a launch is waited for; the key makes asking again safe
        while (launch := api.client.post("/api/jobs", json=wanted, headers=key)).status_code == 503:
            pass
        single = launch.json()
        assert api.client.post("/api/jobs", json=wanted, headers=key).json() == single
        last = follow(api, single)[-1]
    assert not before
    assert after, "forked from another base"
    assert runs_launched_with_a_key(dagster_url) == [single["id"]]
    result = api.client.get(last["result"]["url"]).json()
    assert (len(result["embeddings"]), result["inputType"]) == (1, "query")
    two_things = {"inputs": "One ship.", "inputType": "query", "input_type": "document"}
    assert api.client.post("/api/jobs", json=two_things).status_code == 422

    refused = api.client.post("/api/jobs", json={"inputs": ["a long story " * 5000]}).json()
    last = follow(api, refused)[-1]
    assert last["status"] == "failed"
    assert "8192" in last["error"]
    assert api.client.get(f"{refused['url']}/result").status_code == 404
    assert api.client.delete(refused["url"]).status_code == 409

    backfill = api.client.post("/api/embeddings/batch", json={"novels": ["alpha", "beta"]}).json()
    state = api.client.get(backfill["url"]).json()
    assert (state["kind"], state["finished"], sorted(state["novels"])) == ("backfill", False, ["alpha", "beta"])
    assert api.client.delete(backfill["url"]).status_code == 202

    unknown = api.client.post("/api/embeddings/batch", json={"novel": "gamma"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (404, "novel")
    assert api.client.get(f"/api/jobs/{'0' * 8}-0000-0000-0000-{'0' * 12}").status_code == 404
    assert api.client.get("/api/jobs/abcdefgh").status_code == 404


def test_dagster_that_is_down_is_said_with_the_setting(api: Api, add_novel: Callable):
    add_novel("alpha", ["A passage."])
    answer = api.client.post("/api/embeddings/batch", json={"novel": "alpha"})
    assert answer.status_code == 503
    assert "MORPHEUS_DAGSTER_URL" in answer.json()["detail"]


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterServer]:
    """A server that leaves a run as it is until the test ends it; what is looked at each second is so ten times."""
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(jobs, "LONGEST_SILENCE", 0.3)
    server = DagsterServer()
    yield server
    server.shutdown()
    server.server_close()


def launch(api: Api) -> dict[str, str]:
    answer = api.client.post("/api/jobs", json={"inputs": ["One ship."]})
    assert answer.status_code == 202
    return answer.json()


@pytest.mark.parametrize(("kind", "kept_open"), [("text/event-stream", True), ("application/x-ndjson", False)])
def test_a_stream_in_which_nothing_is_new_is_kept_open_by_comments(
    start_api: Callable[..., Api], remembering: DagsterServer, kind: str, kept_open: bool
):
    api = start_api(dagster_url=remembering.url)
    job, lines = launch(api), []
    started = time.monotonic()
    with api.client.stream("GET", job["events_url"], headers={"accept": kind}) as answer:
        if not kept_open:
            threading.Timer(1.2, remembering.runs[job["id"]].update, [{"status": "SUCCESS"}]).start()
        for line in answer.iter_lines():
            lines.append(line)
            if lines.count(": still here") == 3:
                remembering.runs[job["id"]].update(status="SUCCESS")
    if kept_open:
        assert [line for line in lines if line.startswith("event")] == ["event: progress", "event: end"]
        assert 3 <= lines.count(": still here") <= 1 + (time.monotonic() - started) / jobs.LONGEST_SILENCE
        assert json.loads(lines[-2].removeprefix("data: "))["status"] == "succeeded"
    else:
        assert [json.loads(line)["event"] for line in lines] == ["progress", "end"], "JSON lines know no comment"


def test_a_look_that_waits_answers_at_the_end_of_the_job_or_of_its_time(
    start_api: Callable[..., Api], remembering: DagsterServer
):
    api = start_api(dagster_url=remembering.url)
    job = launch(api)

    def look(seconds: int) -> tuple[str, float]:
        begun = time.monotonic()
        return api.client.get(job["url"], params={"wait": seconds}).json()["status"], time.monotonic() - begun

    status, seconds = look(1)
    assert status == "queued"
    assert seconds >= 1
    threading.Timer(0.5, remembering.runs[job["id"]].update, [{"status": "SUCCESS"}]).start()
    status, seconds = look(25)
    assert status == "succeeded"
    assert seconds < 25
    assert look(25)[1] < 25, "what has ended is not waited for"
    assert api.client.get(job["url"], params={"wait": 51}).status_code == 422
