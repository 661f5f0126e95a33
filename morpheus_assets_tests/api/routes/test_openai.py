"""OpenAI's own face, asked by OpenAI's own SDK."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import openai
import pytest
from openai import OpenAI

from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.compatible_servers import running
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

MODEL = "text-embedding-3-small"
TEXTS = ["The lamp burns at night.", "The ship came home.", "The lamp burns at night."]
KEY = "a-key-of-sixteen-letters"


@contextmanager
def client_of(api: Api, key: str = "none") -> Iterator[OpenAI]:
    """The SDK with nothing but another base URL and key."""
    with OpenAI(base_url=f"{api.url}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_the_sdk_gets_the_vectors_in_the_order_of_its_inputs(
    api: Api, encoding: str | None, provider_server: ProviderServer
):
    with client_of(api) as client:
        answer = client.embeddings.create(
            input=TEXTS, model=MODEL, **({"encoding_format": encoding} if encoding else {})
        )
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert answer.model == MODEL
    rows = [
        np.frombuffer(base64.b64decode(each.embedding), "<f4") if encoding == "base64" else each.embedding
        for each in answer.data
    ]
    np.testing.assert_allclose(rows, vectors_of(TEXTS, 256), atol=1e-6)
    charged = provider_server.stats(api.provider_url)["tokens"]
    assert (answer.usage.total_tokens, answer.usage.prompt_tokens) == (charged, charged)


def test_what_is_stored_costs_nothing(api: Api, add_embedded: Callable, provider_server: ProviderServer):
    add_embedded("alpha", TEXTS[:1])
    with client_of(api) as client:
        answer = client.embeddings.create(input=TEXTS[0], model=MODEL)
    np.testing.assert_allclose(answer.data[0].embedding, vectors_of(TEXTS[:1], 256)[0], atol=1e-3)
    assert answer.usage.total_tokens == 0
    assert provider_server.stats(api.provider_url)["requests"] == 0


def test_dimensions_are_given_where_the_space_allows_them(api: Api):
    with client_of(api) as client:
        answer = client.embeddings.create(input="a ship", model=MODEL, dimensions=64)
        assert len(answer.data[0].embedding) == 64
        with pytest.raises(openai.BadRequestError, match="dimensions"):
            client.embeddings.create(input="a ship", model=MODEL, dimensions=3000)


def test_a_space_of_a_table_is_named_by_the_table_and_asked_for_its_own_size_only_at_its_own_server(
    start_api: Callable[..., Api], tmp_path: Path, provider_server: ProviderServer
):
    with running() as server:
        table = server.table.replace("dimensions = 64", "dimensions = 64\ndocument_prefix = 'passage: '")
        priced = f'["openai/{MODEL}@256"]\nprice = 0.01\n'
        (tmp_path / "spaces.toml").write_text(f"[passages]\n{table}{priced}")
        api = start_api(text_spaces=f"passages,openai/{MODEL}@256", spaces_file=tmp_path / "spaces.toml")
        with client_of(api) as client:
            for name in ("passages", "bge-m3", "openai/bge-m3"):
                answer = client.embeddings.create(input=f"a ship, {name}", model=name)
                assert (len(answer.data[0].embedding), answer.model) == (64, "bge-m3")
            with pytest.raises(openai.BadRequestError, match=r"bge-m3 gives vectors of 64 dimensions here") as refused:
                client.embeddings.create(input="a ship", model="passages", dimensions=32)
            assert refused.value.param == "dimensions"
            # A table that only has a price of its own changes nothing of it.
            assert len(client.embeddings.create(input="a ship", model=MODEL, dimensions=64).data[0].embedding) == 64
        assert [each.texts[0].startswith("passage: a ship, ") for each in server.asked] == [True] * 3
    assert provider_server.stats(api.provider_url)["requests"] == 1


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]], ["a", [1]]])
def test_token_ids_are_refused_with_the_way_out(api: Api, tokens: list, provider_server: ProviderServer):
    with client_of(api) as client, pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(input=tokens, model=MODEL)
    assert refused.value.param == "input"
    assert "check_embedding_ctx_length=False" in refused.value.message
    assert provider_server.stats(api.provider_url)["requests"] == 0


def test_what_gateways_send_for_nothing_means_the_default_and_a_model_must_be_named(api: Api):
    body = {"input": "a ship", "model": MODEL, "encoding_format": None, "dimensions": None, "user": None}
    answer = api.client.post("/v1/embeddings", json=body)
    assert (answer.status_code, len(answer.json()["data"][0]["embedding"])) == (200, 256)
    refused = api.client.post("/v1/embeddings", json={**body, "model": ""})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model")


def test_an_empty_input_is_named(api: Api):
    with client_of(api) as client, pytest.raises(openai.BadRequestError, match="Input 1 is empty"):
        client.embeddings.create(input=["a ship", " "], model=MODEL)


def test_the_models_are_those_of_the_settings(start_api: Callable[..., Api]):
    api = start_api(
        text_spaces=f"openai/{MODEL}@256, openai/text-embedding-3-large@64, openai/text-embedding-3-large@128"
    )
    with client_of(api) as client:
        names = [each.id for each in client.models.list()]
        assert names == [MODEL, "openai-text-embedding-3-large-64", "openai-text-embedding-3-large-128"]
        for name, size in zip(names, (256, 64, 128), strict=True):
            assert client.models.retrieve(name).owned_by == "openai"
            assert len(client.embeddings.create(input="a ship", model=name).data[0].embedding) == size
        with pytest.raises(openai.NotFoundError, match=MODEL):
            client.models.retrieve("gpt-4")


def test_an_unknown_model_is_not_found_and_the_known_are_named(api: Api):
    with client_of(api) as client, pytest.raises(openai.NotFoundError, match=MODEL) as refused:
        client.embeddings.create(input="a ship", model="no-such-model")
    assert refused.value.code == "model_not_found"


def test_bearer_keys_are_asked_for_in_the_sdks_own_words(start_api: Callable[..., Api]):
    api = start_api(api_keys=KEY)
    with client_of(api, KEY) as client:
        assert client.embeddings.create(input="a ship", model=MODEL).data
    with client_of(api, "sk-another") as client, pytest.raises(openai.AuthenticationError, match="API keys"):
        client.models.list()


def test_a_provider_that_is_down_is_a_server_error_that_says_when_to_come_again(start_api: Callable[..., Api]):
    api = start_api({"fault": "503"}, retry_attempts=1)
    with client_of(api) as client, pytest.raises(openai.InternalServerError) as down:
        client.embeddings.create(input="a ship", model=MODEL)
    assert int(down.value.response.headers["Retry-After"]) >= 1
    assert down.value.response.headers["X-Request-ID"]


def test_what_the_sdk_sends_beside_it_does_no_harm(api: Api):
    with client_of(api) as client:
        answer = client.embeddings.create(input=["a ship"] * 2048, model=MODEL, user="somebody", extra_body={"x": 1})
        assert len(answer.data) == 2048
        with pytest.raises(openai.BadRequestError, match="2048 at most"):
            client.embeddings.create(input=["a ship"] * 2049, model=MODEL)
