"""`morpheus search` and GET /api/embeddings/search beside each other: one database, one provider, the same answers."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from pydantic import AliasChoices, SecretStr
from sqlalchemy import Engine

from morpheus_assets.cli.main import main
from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.services.configured_spaces import (
    configured_image_spaces,
    configured_text_spaces,
    demo_image_space,
)
from morpheus_assets.services.running_api import announced
from morpheus_assets.services.search_notes import NOTHING_YET
from morpheus_assets.settings import PROJECT_FOLDER, Settings, load_settings
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.database.embedded import EmbeddedPostgres, running_url
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

ALPHA = [
    "Every evening the robot lit the lamps. A cat slept on the warm stones. Nobody saw the frog.",
    "The ship came home without a crew. Her sails were torn and her captain was gone.",
    "A cat, a robot, lamps and stones, and the warm evening in which a frog slept on the ship.",
]
BETA = ["Rain fell on the empty square. The ship waited.", "Lamps hissed in the rain, and the crew slept."]
QUESTIONS = ["the ship without a crew", "A cat slept on the warm stones.", "rain on the lamps of the city"]


@dataclass
class Said:
    """What a command said: the hits of `--json`, and what stood on stderr."""

    code: int
    text: str
    errors: str
    hits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def places(self) -> list[tuple[int, str]]:
        return [(hit["rank"], hit["content_hash"]) for hit in self.hits]


def places(results: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(result["rank"], result["id"]) for result in results]


def command(settings: Settings, *arguments: str, as_json: bool = True) -> Said:
    load_settings.cache_clear()
    given = ["search", *arguments, *(["--json"] if as_json else [])]
    done = CliRunner().invoke(main, given, env=environment_of(settings))
    load_settings.cache_clear()
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    lines = done.stdout.splitlines()
    hits = [json.loads(line) for line in lines] if as_json and done.exit_code == 0 else []
    return Said(done.exit_code, done.stdout, done.stderr, hits)


def environment_of(settings: Settings) -> dict[str, str]:
    environment: dict[str, str] = {}
    for name in settings.model_fields_set:
        alias, value = Settings.model_fields[name].validation_alias, getattr(settings, name)
        variable = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"MORPHEUS_{name.upper()}"
        given = value.get_secret_value() if isinstance(value, SecretStr) else value
        environment[variable] = "" if given is None else str(given)
    return environment


@pytest.fixture
def shelf(add_embedded: Callable[..., list[bytes]]) -> list[bytes]:
    return add_embedded("alpha", ALPHA, per_chapter=2) + add_embedded("beta", BETA, per_chapter=1)


@pytest.mark.parametrize("mode", ["hybrid", "vector", "text"])
def test_both_give_the_same_passages_in_the_same_order(
    api: Api, shelf: list[bytes], mode: str, subtests: pytest.Subtests
):
    filters: list[dict[str, Any]] = [{}, {"novel": "alpha"}, {"novel": "alpha", "chapter": 1}, {"novel": "beta"}]
    for question in QUESTIONS:
        for chosen in filters:
            with subtests.test(question=question, chosen=chosen):
                options = [part for name, value in chosen.items() for part in (f"--{name}", str(value))]
                said = command(api.settings, question, "--mode", mode, "-k", "4", *options)
                assert said.errors == ""
                answer = api.search(q=question, mode=mode, k=4, kind="text", **chosen).json()
                assert said.places == places(answer["passages"])
                assert said.hits
                assert {hit["space"] for hit in said.hits} == {answer["spaces"].get("text", "")}


def test_a_quoted_sentence_comes_first_in_both(api: Api, shelf: list[bytes]):
    [first, *_] = command(api.settings, "A cat slept on the warm stones.", "--mode", "text").hits
    assert first["novel"] == "alpha"
    [first, *_] = command(api.settings, "A cat slept on the warm stones.").hits
    assert first["body"] == ALPHA[0]


def test_while_the_provider_is_down_the_words_answer_in_both(start_api: Callable[..., Api], shelf: list[bytes]):
    api = start_api({"fault": "503"})
    said = command(api.settings, "ship in the rain")
    answer = api.search(q="ship in the rain", kind="text", k=5).json()
    assert said.code == 0
    assert said.hits
    assert said.places == places(answer["passages"])
    assert {hit["space"] for hit in said.hits} == {""}
    assert said.errors.splitlines() == answer["notes"]
    assert "words alone" in said.errors
    refused = command(api.settings, "ship in the rain", "--mode", "vector")
    assert refused.code == 1
    assert (
        refused.errors.removeprefix("Error: ").strip()
        == (api.search(q="ship in the rain", mode="vector", kind="text").json()["detail"])
    )


def test_a_standby_space_answers_with_the_same_note_in_both(
    start_api: Callable[..., Api], shelf: list[bytes], engine: Engine, provider_server: ProviderServer
):
    row = spaces.register_space(engine, resolve_text_space("voyage/voyage-3.5@256"))
    vectors.write_batch(engine, row, shelf, vectors_of([*ALPHA, *BETA], 256))
    spaces.mark_ready(engine, row.key)
    api = start_api({"fault": "503"}, voyage_api_key="pa-secret-0123456789", voyage_base_url=provider_server.base_url())
    question = "A cat slept on the warm stones."
    said = command(api.settings, question)
    answer = api.search(q=question, kind="text", k=5).json()
    assert said.places == places(answer["passages"])
    assert {hit["space"] for hit in said.hits} == {row.key} == set(answer["spaces"].values())
    assert said.errors.splitlines() == answer["notes"]
    assert answer["notes"][0].startswith(f"Answered by the standby space {row.key}: ")


def picture(colour: str, kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (96, 64), colour).save(data, kind)
    return data.getvalue()


def test_both_give_the_same_panels_by_words_and_by_a_picture(api: Api, engine: Engine, tmp_path: Path):
    for novel, colours in {"alpha": ("red", "green"), "beta": ("blue", "yellow", "black")}.items():
        rows = []
        for colour in colours:
            sent = {"files": {"file": (f"{colour}.png", picture(colour))}, "data": {"novel": novel, "create": "true"}}
            value = bytes.fromhex(api.client.post("/api/embeddings/image", **sent).json()["id"])
            rows.append(PanelRecord(f"{colour}.png", "stored", 9, None, value, "PNG", "RGB", 96, 64))
        replace_panels(engine, novel, rows)
    spaces.activate_first(engine, configured_image_spaces(api.settings)[0].key)
    file = tmp_path / 'a "quoted" name.jpg'
    file.write_bytes(picture("green", "JPEG"))
    for chosen in ({}, {"novel": "beta"}):
        options = [part for name, value in chosen.items() for part in (f"--{name}", value)]
        said = command(api.settings, "a red wall", "--panels", *options)
        assert said.hits
        assert said.places == places(api.search(q="a red wall", kind="panels", k=5, **chosen).json()["panels"])
        said = command(api.settings, "--image", str(file), *options)
        answer = api.client.post(
            "/api/embeddings/search", files={"file": ("g.jpg", file.read_bytes())}, data={"k": 5, **chosen}
        ).json()
        assert said.hits
        assert said.places == places(answer["panels"])
        with announced(api.settings, api.url):
            through = command(api.settings, "--image", str(file), *options)
        assert [set(hit) for hit in through.hits] == [set(hit) for hit in said.hits]
        assert through.places == said.places


def test_both_say_that_only_the_demo_model_answers(start_api: Callable[..., Api], engine: Engine, add_panels: Callable):
    api = start_api(image_spaces="remote_clip/ViT-L-14")
    demo = demo_image_space(api.settings)
    hashes = add_panels("alpha", ["one", "two"])
    chance = np.random.default_rng(1).standard_normal((2, demo.dimensions)).astype(np.float32)
    vectors.write_batch(engine, spaces.register_space(engine, demo), hashes, chance)
    said = command(api.settings, "a cat", "--panels")
    answer = api.search(q="a cat", kind="panels", k=5).json()
    assert len(said.hits) == 2
    assert said.places == places(answer["panels"])
    assert said.errors.splitlines() == answer["notes"]
    assert "demo model" in said.errors


def test_an_unknown_novel_is_refused_by_both_in_one_sentence(api: Api, shelf: list[bytes], engine: Engine, tmp_path):
    file = tmp_path / "shown.png"
    file.write_bytes(picture("red"))
    sentence = "No novel named 'gamma' is stored."
    for arguments in (["lamps"], ["lamps", "--mode", "text"], ["lamps", "--panels"], ["--image", str(file)]):
        said = command(api.settings, *arguments, "--novel", "gamma")
        assert (said.code, said.errors) == (1, f"Error: {sentence}\n"), arguments
    by_words = api.search(q="lamps", novel="gamma")
    by_picture = api.client.post(
        "/api/embeddings/search", files={"file": ("a.png", file.read_bytes())}, data={"novel": "gamma"}
    )
    for answer in (by_words, by_picture):
        assert answer.status_code == 404
        assert answer.json()["errors"] == [{"field": "novel", "detail": sentence}]


def test_an_empty_shelf_is_said_by_both_in_the_same_words(api: Api):
    for options, kind in (([], "text"), (["--panels"], "panels")):
        said = command(api.settings, "a ship", *options, as_json=False)
        assert (said.code, said.text.splitlines()) == (0, api.search(q="a ship", kind=kind).json()["notes"])


@pytest.mark.parametrize("question", [" ", "a\0b", "a\udcffb"])
def test_a_question_that_cannot_be_asked_is_one_sentence(api: Api, shelf: list[bytes], question: str):
    for mode in ("hybrid", "text"):
        said = command(api.settings, question, "--mode", mode)
        assert said.code == 1
        assert said.errors.startswith("Error: ")
        assert len(said.errors.splitlines()) == 1


@pytest.mark.slow
def test_a_question_longer_than_the_model_takes_finds_the_same_in_both(
    start_api: Callable[..., Api], engine: Engine, add_novel: Callable[..., list[bytes]]
):
    api = start_api(text_spaces="sentence-transformers/all-MiniLM-L6-v2")
    hashes = add_novel("alpha", ALPHA) + add_novel("beta", BETA)
    row = spaces.register_space(engine, configured_text_spaces(api.settings)[0])
    embedded = api.text([*ALPHA, *BETA], input_type="document").json()["embeddings"]
    vectors.write_batch(engine, row, hashes, np.asarray(embedded, np.float32))
    spaces.activate_first(engine, row.key)
    question = " ".join(f"On day {day} the crew of the ship was still missing." for day in range(70))
    answer = api.search(q=question, kind="text", mode="vector", k=5).json()
    said = command(api.settings, question, "--mode", "vector")
    assert said.places == places(answer["passages"])
    assert len(said.hits) == 5


def test_the_api_that_runs_answers_for_the_command(api: Api, shelf: list[bytes], provider_server: ProviderServer):
    own = command(api.settings, QUESTIONS[0], "--novel", "alpha", "-k", "2")
    with announced(api.settings, api.url):
        said = command(api.settings, QUESTIONS[0], "--novel", "alpha", "-k", "2")
        assert api.metric('morpheus_http_requests_total{method="GET",route="/api/embeddings/search",status="200"}') == 1
        unknown = command(api.settings, "a ship", "--novel", "gamma")
        people = command(api.settings, QUESTIONS[0], "--novel", "alpha", "-k", "2", as_json=False)
    for here, there in zip(own.hits, said.hits, strict=True):
        for measure in ("similarity", "relevance"):
            assert there.pop(measure) == pytest.approx(here.pop(measure), abs=1e-4)
        assert there == here
    assert (unknown.code, unknown.errors.strip()) == (
        1,
        "Error: No novel named 'gamma' is stored.",
    )
    assert people.text == command(api.settings, QUESTIONS[0], "--novel", "alpha", "-k", "2", as_json=False).text


def test_an_api_that_is_busy_is_not_waited_for(start_api: Callable[..., Api], shelf: list[bytes]):
    api = start_api(api_keys="a-key-of-sixteen-letters")
    other = api.settings.model_copy(update={"api_keys": SecretStr("another-key-of-sixteen-letters")})
    with announced(api.settings, api.url):
        assert command(other, QUESTIONS[0]).hits


def test_asking_the_api_loads_nothing_that_takes_time(api: Api, shelf: list[bytes], tmp_path: Path):
    code = (
        "import sys; from morpheus_assets.cli.main import main; main(['search', 'a ship'], standalone_mode=False);"
        "heavy = {'numpy', 'sqlalchemy', 'psycopg', 'torch', 'httpx', 'dagster', 'PIL'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    environment = environment_of(api.settings) | {"PATH": os.environ["PATH"], "MORPHEUS_DOTENV": os.devnull}
    with announced(api.settings, api.url):
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=PROJECT_FOLDER,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ship" in done.stdout


@pytest.mark.slow
def test_where_nothing_runs_the_command_starts_the_database_and_stops_it(
    make_settings: Callable[..., Settings], tmp_path: Path
):
    folder = tmp_path / "own"
    settings = make_settings(database_url=None, data_folder=folder)
    said = command(settings, "a ship")
    assert said.code == 1
    assert "Nothing is stored yet" in said.errors
    folder.parent.chmod(0o711)
    server = EmbeddedPostgres(folder)
    server.start()
    server.ensure_databases()
    server.stop()
    # of a schema that is older than the program, for the command brings it up to date
    said = command(settings, "a ship", as_json=False)
    assert (said.code, said.text.strip()) == (0, NOTHING_YET)
    assert running_url(folder) is None
