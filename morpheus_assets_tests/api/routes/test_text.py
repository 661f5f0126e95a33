import json
from collections.abc import Callable

import numpy as np
import pytest

from morpheus_assets_tests.api.conftest import SECRET, Api
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import POISON, vectors_of


def chapter(words: int) -> str:
    sentences = (f"In the year {number} the ship came home with her lamps lit." for number in range(words // 12 + 1))
    return " ".join(sentences)


def test_a_chapter_comes_back_as_one_vector_of_the_models_own_length(start_api: Callable[..., Api]):
    api = start_api(text_spaces="openai/text-embedding-3-large")
    text = chapter(5000)
    answer = api.text(text, model="text-embedding-3-large").json()
    np.testing.assert_allclose(answer["embeddings"], vectors_of([text], 3072), atol=1e-7)
    assert answer["space"] == "openai-text-embedding-3-large-3072"
    assert answer["model"] == "text-embedding-3-large"
    assert (answer["total_tokens"], answer["cached"], answer["joined"]) == (len(text) // 4 + 1, False, [])


def test_a_text_over_the_limit_is_embedded_by_parts_and_the_answer_says_how(api: Api, provider_server: ProviderServer):
    text = chapter(20_000)
    answer = api.text(["short", text], return_parts=True).json()
    [joined] = answer["joined"]
    parts = answer["parts"]
    assert joined["input"] == 1
    assert joined["parts"] == len(parts) > 2
    bodies = [text[part["char_start"] : part["char_end"]] for part in parts]
    assert "".join(bodies).replace(" ", "") == text.replace(" ", "")
    rows = np.array([part["embedding"] for part in parts])
    np.testing.assert_allclose(rows, vectors_of(bodies, 256), atol=1e-6)
    whole = np.array(answer["embeddings"][1])
    assert np.linalg.norm(whole) == pytest.approx(1.0, abs=1e-5)
    assert whole @ rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0)) > 0.999
    assert provider_server.stats(api.provider_url)["statuses"] == {"200": provider_server.stats()["requests"]}


def test_the_parts_of_a_long_text_are_given_again_although_its_vector_is_known(
    api: Api, provider_server: ProviderServer
):
    text = chapter(20_000)
    first, second = (api.text(["short", text], return_parts=True).json() for _ in range(2))
    assert len(second["parts"]) == len(first["parts"]) > 2
    assert provider_server.stats(api.provider_url)["inputs"] == 1 + 2 * len(first["parts"]), "the short one once"
    again = api.text(["short", text]).json()
    assert (again["cached"], again["total_tokens"], again["joined"]) == (True, 0, [])
    np.testing.assert_allclose(again["embeddings"], first["embeddings"], atol=1e-7)


def test_a_text_that_only_seems_too_long_is_sent_whole(api: Api, provider_server: ProviderServer):
    text = chapter(6600)
    assert len(text) / 4 < 8192 < len(text) / 3.4
    assert api.text(text).json()["joined"] == []
    assert provider_server.stats(api.provider_url)["requests"] == 1


def test_vectors_come_in_the_order_of_the_inputs_and_repeated_ones_are_sent_once(
    api: Api, provider_server: ProviderServer
):
    texts = ["one ship", "two lamps", "one ship", "three cats"]
    answer = api.text(texts).json()
    np.testing.assert_allclose(answer["embeddings"], vectors_of(texts, 256), atol=1e-7)
    assert provider_server.stats(api.provider_url)["inputs"] == 3


def test_dimensions_and_another_known_model_may_be_asked_for(api: Api):
    answer = api.text("a ship", model="text-embedding-3-large", dimensions=64).json()
    assert len(answer["embeddings"][0]) == 64
    assert answer["space"] == "openai-text-embedding-3-large-64"


WRONG = [
    ({"input": []}, "input", "at least one text"),
    ({"input": ["a", "  "]}, "input", "Input 1 is empty"),
    ({"input": "a", "model": "gpt-9"}, "model", "text-embedding-3-small"),
    ({"input": "a", "dimensions": 4000}, "dimensions", "1 to 1536"),
    ({"input": "a", "input_type": "poem"}, "input_type", "query"),
    ({"input": "a", "colour": 1}, "colour", "not permitted"),
    ({"input": ["a"] * 1001}, "input", "1000 at most"),
    ({}, "input", "required"),
]


def test_a_wrong_field_is_named_in_a_problem_document(api: Api, subtests: pytest.Subtests):
    for body, field, words in WRONG:
        with subtests.test(field=field, words=words):
            answer = api.client.post("/api/embeddings/text", json=body)
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            [error] = answer.json()["errors"]
            assert error["field"].startswith(field)
            assert words in error["detail"]


def test_broken_unicode_is_refused_by_name(api: Api):
    answer = api.client.post(
        "/api/embeddings/text", content=b'{"input": "\\ud800"}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert "input" in answer.json()["detail"]


def test_an_input_that_the_provider_refuses_is_named(api: Api):
    answer = api.text(["fine", f"not fine {POISON}", "fine too"])
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "input[1]"


def test_a_stored_passage_costs_nothing_again(
    api: Api, add_embedded: Callable[..., list[bytes]], provider_server: ProviderServer
):
    add_embedded("alpha", ["The lamp burns at night."])
    answer = api.text("The lamp burns at night.", input_type="document").json()
    assert (answer["cached"], answer["total_tokens"]) == (True, 0)
    np.testing.assert_allclose(answer["embeddings"], vectors_of(["The lamp burns at night."], 256), atol=1e-3)
    assert provider_server.stats(api.provider_url)["requests"] == 0


@pytest.mark.parametrize(("fault", "status"), [("401", 503), ("429_quota", 503), ("503", 503), ("nan", 502)])
def test_a_faulty_provider_is_a_problem_without_secrets(start_api: Callable[..., Api], fault: str, status: int):
    api = start_api({"fault": fault})
    answer = api.text("a ship")
    assert answer.status_code == status
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["type"].startswith("urn:morpheus:problem:provider-")
    if fault == "503":
        assert int(answer.headers["retry-after"]) >= 1
        assert api.metric('morpheus_provider_errors_total{error="ProviderUnavailable",provider="openai"}') == 3


def test_a_passing_fault_is_tried_again(start_api: Callable[..., Api]):
    assert start_api({"fault": "503", "times": 1}).text("a ship").status_code == 200


def test_vectors_are_streamed_as_events(api: Api):
    text = chapter(20_000)
    body = {"input": ["short", text]}
    with api.client.stream(
        "POST", "/api/embeddings/text", json=body, headers={"accept": "text/event-stream"}
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = list(answer.iter_lines())
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert names.count("embedding") == 2
    assert names.count("part") > 2
    assert names[-1] == "done"
    done = json.loads(lines[-2].removeprefix("data: "))
    assert done["joined"][0]["input"] == 1
    assert done["total_tokens"] > 0


def test_a_fault_in_a_stream_is_an_event(start_api: Callable[..., Api]):
    api = start_api({"fault": "401"})
    headers = {"accept": "application/x-ndjson"}
    answer = api.client.post("/api/embeddings/text", json={"input": "x"}, headers=headers)
    [line] = answer.text.splitlines()
    assert json.loads(line)["event"] == "error"
    assert json.loads(line)["status"] == 503


def test_it_goes_on_without_the_database(start_api: Callable[..., Api]):
    api = start_api(database_url="postgresql://nobody@127.0.0.1:9/nothing")
    answer = api.text("a ship")
    assert answer.status_code == 200
    assert api.client.get("/readyz").status_code == 503


def test_many_single_texts_for_a_local_model_share_its_batches(start_api: Callable[..., Api]):
    api = start_api(text_spaces="sentence-transformers/all-MiniLM-L6-v2")
    from concurrent.futures import ThreadPoolExecutor

    texts = [f"Lamp number {number} burns." for number in range(24)]
    with ThreadPoolExecutor(12) as pool:
        rows = [answer.json()["embeddings"][0] for answer in pool.map(api.text, texts)]
    together = api.text(texts).json()["embeddings"]
    np.testing.assert_allclose(rows, together, atol=1e-5)
    batches = api.metric('morpheus_provider_request_seconds_count{space="sentence-transformers-all-minilm-l6-v2-384"}')
    assert batches < 26
