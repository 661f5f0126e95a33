import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.deployment import Deployment
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of
from morpheus_assets_tests.fixtures.redis_server import RedisProcess

TEXT, OTHER = "The lamp burns at night.", "The ship came home."


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def picture(colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (96, 64), colour).save(data, "PNG")
    return data.getvalue()


def test_a_text_that_is_stored_is_found_by_its_id_and_by_the_next_request(
    api: Api, space: Space, provider_server: ProviderServer, engine: Engine
):
    answer = api.text([TEXT, OTHER, TEXT], store=True).json()
    assert answer["ids"] == [digest(TEXT), digest(OTHER), digest(TEXT)]
    stored = api.client.get(f"/api/embeddings/{digest(TEXT)}").json()
    assert (stored["id"], stored["kind"]) == (digest(TEXT), "text")
    [only] = stored["embeddings"]
    assert (only["space"], only["dimensions"]) == (space.key, 256)
    np.testing.assert_allclose(only["embedding"], vectors_of([TEXT], 256)[0], atol=1e-3)
    made = provider_server.stats(api.provider_url)["requests"]
    again = api.text([OTHER]).json()
    assert (again["cached"], again["total_tokens"]) == (True, 0)
    assert provider_server.stats(api.provider_url)["requests"] == made
    assert vectors.delete_orphans(engine, spaces.get_space(engine, space.key), dry_run=False) == 0


def test_without_being_asked_to_nothing_is_stored(api: Api):
    answer = api.text(TEXT).json()
    assert "ids" not in answer
    assert api.client.get(f"/api/embeddings/{digest(TEXT)}").status_code == 404


def test_the_next_ingest_of_a_stored_text_finds_its_vectors(start_api: Callable[..., Api], deployment: Deployment):
    deployment.drop("alpha.txt", "CHAPTER I.\n\nThe lamp burns at night, and a ship comes home without a crew.\n")
    deployment.ingest("alpha")
    [(body,)] = deployment.rows("SELECT body FROM passages")
    with deployment.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM embeddings_1")
    settings = deployment.settings
    api = start_api(text_spaces=settings.text_spaces, openai_base_url=settings.openai_base_url)
    assert api.text(body, store=True).json()["ids"] == [digest(body)]
    made = deployment.requests
    assert deployment.ingest("alpha").success
    assert deployment.requests == made
    assert len(deployment.rows("SELECT FROM embeddings_1")) == 1


def test_what_is_embedded_by_parts_has_no_vector_of_its_own_to_store(api: Api):
    answer = api.text([TEXT, "a cat " * 9000], store=True).json()
    assert answer["ids"] == [digest(TEXT), None]
    assert answer["joined"][0]["input"] == 1


@pytest.mark.redis
def test_a_joined_vector_is_not_stored_when_it_comes_from_the_cache_either(
    start_api: Callable[..., Api], redis: RedisProcess
):
    api, long = start_api(redis_url=redis.url), "a cat " * 9000
    api.text(long)
    answer = api.text(long, store=True).json()
    assert (answer["cached"], answer["ids"]) == (True, [None])


def test_a_stream_stores_too(api: Api):
    headers = {"accept": "application/x-ndjson"}
    body = {"input": [TEXT, OTHER], "store": True}
    lines = api.client.post("/api/embeddings/text", json=body, headers=headers).text.splitlines()
    assert digest(OTHER) in lines[-1]
    assert api.client.get(f"/api/embeddings/{digest(OTHER)}").status_code == 200


@pytest.mark.parametrize(
    ("fields", "word"), [({"input_type": "query"}, "documents"), ({"dimensions": 64}, "MORPHEUS_TEXT_SPACES")]
)
def test_what_nobody_would_look_for_is_not_stored(api: Api, provider_server: ProviderServer, fields: dict, word: str):
    answer = api.text(TEXT, store=True, **fields)
    assert answer.status_code == 422
    assert word in answer.json()["detail"]
    assert provider_server.stats(api.provider_url)["requests"] == 0


def test_what_was_kept_is_deleted_from_every_space(api: Api, engine: Engine, space: Space):
    api.text(TEXT, store=True)
    sent = api.client.post("/api/embeddings/image", files={"file": ("a.png", picture("red"))}).json()
    shown = api.client.get(f"/api/embeddings/{sent['id']}").json()
    assert (shown["kind"], [each["space"] for each in shown["embeddings"]]) == ("picture", [sent["space"]])
    for value in (digest(TEXT), sent["id"]):
        assert api.client.delete(f"/api/embeddings/{value}").status_code == 204
        assert api.client.get(f"/api/embeddings/{value}").status_code == 404
        assert api.client.delete(f"/api/embeddings/{value}").status_code == 404
    for each in (space, configured_image_spaces(api.settings)[0]):
        assert not vectors.holds_vectors(engine, spaces.get_space(engine, each.key))


def test_what_a_novel_holds_is_shown_and_not_deleted(api: Api, add_embedded: Callable, space: Space):
    [value] = add_embedded("alpha", [TEXT])
    api.text(TEXT, store=True)
    stored = api.client.get(f"/api/embeddings/{value.hex()}", params={"space": space.key}).json()
    assert [each["active"] for each in stored["embeddings"]] == [True]
    refused = api.client.delete(f"/api/embeddings/{value.hex()}")
    assert refused.status_code == 409
    assert api.client.get(f"/api/embeddings/{value.hex()}").status_code == 200
    assert api.client.get(f"/api/embeddings/{value.hex()}", params={"space": "another"}).status_code == 404


def test_other_addresses_under_the_same_path_are_not_taken_for_ids(api: Api):
    assert api.client.get("/api/embeddings/text").status_code == 405
    assert api.client.get("/api/embeddings/zz").status_code == 404
    assert "/api/embeddings/{id}" in api.client.get("/openapi.json").json()["paths"]
