"""An answer is written once: the model that documents a route is the class whose instance it returns."""

import io
import json
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.routing import APIRoute
from PIL import Image
from pydantic import BaseModel
from sqlalchemy import Engine

from morpheus_assets.api import routes
from morpheus_assets.api.app import build_app
from morpheus_assets.api.problems import ProblemDocument
from morpheus_assets.api.responses import answered_model, to_json
from morpheus_assets.api.routes import content, health, image, search, text
from morpheus_assets.api.routes.text import EmbeddedPart, TextAnswer
from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.api.conftest import Api

ROUTES = [
    route
    for found in iter_modules(routes.__path__)
    for route in import_module(f"{routes.__name__}.{found.name}").router.routes
    if isinstance(route, APIRoute)
]


def documented(document: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(path, method, status, model) of every answer that the document describes by a model of ours."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                schema = response.get("content", {}).get("application/json", {}).get("schema", {})
                if "$ref" in schema:
                    yield path, method.upper(), status, schema["$ref"].rpartition("/")[2]


def test_the_documented_model_is_the_one_that_a_route_returns(make_settings: Callable):
    models = {
        (re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path), method): model.__name__
        for route in ROUTES
        for method in route.methods
        if (model := answered_model(route.endpoint)) is not None
    }
    found = list(documented(build_app(make_settings()).openapi()))
    assert len(found) > 10
    for path, method, status, model in found:
        if path.startswith("/v1/") and status >= "400":
            # raised and not returned, in the form that OpenAI's clients read
            assert model == "OpenAIError"
            continue
        assert models[path, method] == model, f"{method} {path} documents another model for {status} than it returns"


def check(model: type[BaseModel], answer: httpx.Response, status: int = 200) -> None:
    """The answer is the model, by strict types, without a field more or less."""
    assert answer.status_code == status, answer.text
    parsed = model.model_validate_json(answer.content, strict=True)
    assert parsed.model_dump(mode="json", exclude_unset=True) == answer.json()


@pytest.fixture
def library(api: Api, engine: Engine, add_embedded: Callable[..., list[bytes]]) -> dict[str, str]:
    """Passages and a panel, found by both kinds of question; the ids of one of each."""
    hashes = add_embedded("alpha", ["The ship came home without a crew. Her sails were torn.", "Rain on the lamps."])
    data = io.BytesIO()
    Image.new("RGB", (96, 64), "red").save(data, "PNG")
    sent = {"files": {"file": ("red.png", data.getvalue())}, "data": {"novel": "alpha", "create": "true"}}
    answer = api.client.post("/api/embeddings/image", **sent)
    check(image.ImageAnswer, answer)
    value = bytes.fromhex(answer.json()["id"])
    replace_panels(engine, "alpha", [PanelRecord("red.png", "stored", 9, None, value, "PNG", "RGB", 96, 64)])
    spaces.activate_first(engine, configured_image_spaces(api.settings)[0].key)
    return {"passage": hashes[0].hex(), "panel": value.hex()}


def test_real_answers_are_their_models_and_nothing_else(api: Api, library: dict[str, str], subtests: pytest.Subtests):
    quote = "The ship came home without a crew."
    questions: list[dict[str, Any]] = [
        {"q": quote}, {"q": "rain", "mode": "text"}, {"like": library["passage"]},
        {"like": library["panel"], "kind": "panels"},
    ]  # fmt: skip
    for question in questions:
        with subtests.test(question=question):
            check(search.SearchAnswer, api.search(**question))
    for options in ({}, {"return_parts": True}):
        with subtests.test(options=options):
            check(text.TextAnswer, api.text([quote, "The crew slept. " * 4000], **options))
    for path, model in {
        "/api/novels": content.Novels,
        "/api/novels/alpha/text?start=1&end=9": content.Piece,
        "/healthz": health.Alive,
        "/readyz": health.Readiness,
    }.items():
        with subtests.test(path=path):
            check(model, api.client.get(path))
    check(ProblemDocument, api.search(q=" "), 422)
    check(ProblemDocument, api.client.get("/nothing"), 404)


def test_arrays_are_written_as_the_shortest_numbers_and_unset_fields_not_at_all():
    vector = np.asarray([0.1, 1.0, -2.5], np.float32)
    answer = TextAnswer(
        embeddings=vector[np.newaxis], model="m", total_tokens=1, space="s", cached=False, joined=[],
    )  # fmt: skip
    assert to_json(answer) == (
        b'{"embeddings":[[0.1,1.0,-2.5]],"model":"m","total_tokens":1,"space":"s","cached":false,"joined":[]}'
    )
    answer.parts = [EmbeddedPart(input=0, char_start=0, char_end=3, embedding=vector)]
    assert json.loads(to_json(answer))["parts"][0]["embedding"] == [0.1, 1.0, -2.5]
