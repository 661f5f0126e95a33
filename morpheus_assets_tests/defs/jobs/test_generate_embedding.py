from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from sqlalchemy import Engine

from morpheus_assets.defs.jobs.generate_embedding import POOL, embed_inputs, generate_embedding
from morpheus_assets.defs.resources import DatabaseResource, ProvidersResource
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.jobs import keep_inputs, read_inputs, result_embeddings, result_summary
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import POISON, vectors_of

SECRET = "sk-secret-0123456789"


@pytest.fixture
def run_job(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Callable[..., Any]:
    """Runs the real job in this process against the fake provider; gives the result and the provider's address."""

    def run(config: dict[str, Any], **provider: Any) -> tuple[dg.ExecuteInProcessResult, str]:
        url = provider_server.base_url(**provider)
        settings = Settings(
            _env_file=None, database_url=database_url, data_folder=tmp_path, openai_base_url=url,
            openai_api_key=SECRET, text_spaces="openai/text-embedding-3-small@256",
        )  # fmt: skip
        resources = {"database": DatabaseResource(settings), "providers": ProvidersResource(settings)}
        result = generate_embedding.execute_in_process(
            run_config={"ops": {"embed_inputs": {"config": config}}}, resources=resources, raise_on_error=False
        )
        return result, url

    return run


@pytest.fixture
def another_try_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster waits no seconds between the tries of a step."""
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda *_: 0)


def why(result: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data.description or ""


def test_the_result_is_kept_under_the_runs_id(run_job: Callable, engine: Engine, provider_server: ProviderServer):
    inputs = ["One ship.", "Two lamps.", "One ship."]
    result, url = run_job({"inputs": inputs, "input_type": "query"})
    assert result.success
    summary = result_summary(engine, result.run_id)
    assert summary is not None
    assert (summary.model, summary.inputs, summary.dimensions) == ("text-embedding-3-small", 3, 256)
    np.testing.assert_array_equal(result_embeddings(engine, result.run_id), vectors_of(inputs, 256))
    assert summary.total_tokens == provider_server.stats(url)["tokens"]
    assert provider_server.stats(url)["inputs"] == 2


def test_a_result_is_kept_for_a_month(run_job: Callable, engine: Engine):
    old, _ = run_job({"inputs": ["a ship"]})
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE embedding_results SET created_at = now() - interval '31 days'")
    new, _ = run_job({"inputs": ["a lamp"]})
    assert result_summary(engine, old.run_id) is None
    assert result_summary(engine, new.run_id) is not None


def test_one_text_is_taken_without_a_list_and_inputType_beside_input_type(run_job: Callable, engine: Engine):  # noqa: N802
    result, _ = run_job({"inputs": "a ship", "inputType": "query"})
    assert result_embeddings(engine, result.run_id).shape == (1, 256)
    assert result_summary(engine, result.run_id).input_type == "query"


def test_texts_may_be_named_by_a_reference_and_are_deleted_when_they_are_embedded(run_job: Callable, engine: Engine):
    reference = keep_inputs(engine, ["a ship", "a lamp"])
    result, _ = run_job({"inputs_reference": reference})
    np.testing.assert_array_equal(result_embeddings(engine, result.run_id), vectors_of(["a ship", "a lamp"], 256))
    assert read_inputs(engine, reference) is None
    again, _ = run_job({"inputs_reference": reference})
    assert not again.success
    assert "send them again" in why(again)


@pytest.mark.usefixtures("another_try_at_once")
def test_texts_of_a_run_that_failed_are_kept_for_another_try(run_job: Callable, engine: Engine):
    reference = keep_inputs(engine, ["a ship"])
    run_job({"inputs_reference": reference}, fault="500")
    assert read_inputs(engine, reference) == ["a ship"]
    assert run_job({"inputs_reference": reference})[0].success


def test_another_model_may_be_named(run_job: Callable, engine: Engine):
    result, _ = run_job({"inputs": ["a ship"], "model": "openai/text-embedding-3-large@64"})
    assert result_embeddings(engine, result.run_id).shape == (1, 64)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"inputs": []}, "is empty"),
        ({"inputs": ["fine", " "]}, r"inputs[1] is empty"),
        ({"inputs": ["x"] * 1001}, "1000 at most"),
        ({"inputs": ["a long story " * 5000]}, "8192"),
        ({"inputs": ["x"], "model": "openai/no-such-model"}, "no-such-model"),
        ({"inputs": {"a": "x"}}, "neither a text nor a list of texts"),
        ({"inputs": ["x", 3]}, "neither a text nor a list of texts"),
        ({"inputs": ["x"], "input_type": "query", "inputType": "document"}, "give one, document or query"),
        ({"inputs": ["x"], "inputType": "poem"}, "give one, document or query"),
    ],
)
def test_what_cannot_be_embedded_is_refused_before_anything_is_sent(
    run_job: Callable, config: dict, words: str, provider_server: ProviderServer
):
    result, url = run_job(config)
    assert not result.success
    assert words in why(result)
    assert provider_server.stats(url)["requests"] == 0


@pytest.mark.usefixtures("another_try_at_once")
@pytest.mark.parametrize(("fault", "requests"), [("401", 1), ("429_quota", 1), ("500", 3)])
def test_only_a_passing_fault_is_tried_three_times(
    run_job: Callable, fault: str, requests: int, provider_server: ProviderServer
):
    result, url = run_job({"inputs": ["a ship"]}, fault=fault)
    assert not result.success
    assert provider_server.stats(url)["requests"] == requests
    assert SECRET not in why(result)


@pytest.mark.usefixtures("another_try_at_once")
def test_what_arrived_before_a_fault_is_not_paid_for_again(
    run_job: Callable, provider_server: ProviderServer, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("morpheus_assets.embedding.providers.openai._INPUTS", 2)
    inputs = [f"Sentence number {number}." for number in range(6)]
    result, url = run_job({"inputs": inputs}, script="ok+500+ok+ok+ok")
    assert result.success
    stats = provider_server.stats(url)
    assert (stats["inputs"], stats["repeated_inputs"]) == (6, 0)
    np.testing.assert_array_equal(result_embeddings(engine, result.run_id), vectors_of(inputs, 256))


def test_an_input_that_the_provider_refuses_ends_the_run_and_is_named(run_job: Callable):
    result, _ = run_job({"inputs": ["fine", f"not fine {POISON}"]}, poison="named")
    assert "inputs[1]" in why(result)


def test_it_has_a_pool_a_priority_and_three_attempts():
    assert embed_inputs.pool == POOL
    assert generate_embedding.tags["dagster/priority"] == "2"
    assert embed_inputs.retry_policy is not None
    assert embed_inputs.retry_policy.max_retries == 2
    assert embed_inputs.retry_policy.backoff == dg.Backoff.EXPONENTIAL
