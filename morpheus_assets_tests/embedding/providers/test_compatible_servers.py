from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from morpheus_assets.embedding.providers.base import EmbeddingProvider
from morpheus_assets.services.configured_spaces import configured_text_spaces, open_provider
from morpheus_assets.settings import Settings
from morpheus_assets_tests.embedding.helpers import ask, assert_right, digest, run, sentences
from morpheus_assets_tests.fixtures.compatible_servers import BAD, LONG, SERVERS, CompatibleServer, Quirks, running
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

NAMED = {quirks.name: quirks for quirks in SERVERS}
KEY = "key-of-this-server"


def open_table(server: CompatibleServer, folder: Path, further: str = "") -> EmbeddingProvider:
    file = folder / "spaces.toml"
    file.write_text(f"[own]\n{server.table}{further}")
    settings = Settings(spaces_file=file, text_spaces="own", openai_api_key=KEY, _env_file=None)  # type: ignore[call-arg,arg-type]
    return open_provider(settings, configured_text_spaces(settings)[0])


@pytest.fixture(params=SERVERS, ids=lambda quirks: quirks.name)
def server(request: pytest.FixtureRequest) -> Iterator[CompatibleServer]:
    with running(request.param) as started:
        yield started


def test_three_hundred_texts_with_one_that_the_server_cannot_take_are_embedded_but_for_that_one(
    server: CompatibleServer, tmp_path: Path
):
    quirks: Quirks = server.quirks
    texts = sentences(300)
    marks = ((BAD, quirks.bad or quirks.no_vector), (LONG, quirks.too_long))
    at_fault = [f"A text {mark} at fault." for mark, has in marks if has]
    texts[137:137] = at_fault

    vectors, refused, error = run(open_table(server, tmp_path), texts, max_inputs=256)

    assert error is None
    assert [each.content_hash for each in refused] == [digest(text) for text in at_fault]
    assert len(vectors) == 300
    assert_right(vectors, texts, server.dimensions)
    assert all(KEY in asked.headers[quirks.key_header.lower()] for asked in server.asked)


@pytest.mark.parametrize("name", ["gemini", "tei", "dashscope"])
def test_a_server_that_says_how_many_inputs_it_takes_is_asked_for_so_many_from_then_on(name: str, tmp_path: Path):
    most = NAMED[name].most_inputs
    found: list[int] = []
    with running(NAMED[name]) as server:
        provider = open_table(server, tmp_path)
        vectors, _, error = run(provider, sentences(300), max_inputs=256, concurrency=1, on_limit=found.append)

    assert (error, len(vectors)) == (None, 300)
    answered = [asked for asked in server.asked if asked.body["encoding_format"] == "float" or name != "dashscope"]
    assert [len(asked.texts) > most for asked in answered].count(True) == 1
    assert set(found) == {most}


@pytest.mark.parametrize("name", ["llama.cpp", "dashscope", "litellm"])
def test_floats_are_asked_for_where_base64_is_refused_once_and_not_again(name: str, tmp_path: Path):
    with running(NAMED[name]) as server:
        vectors, _, error = run(open_table(server, tmp_path), sentences(30), max_inputs=5, concurrency=1)

    assert (error, len(vectors)) == (None, 30)
    assert [asked.body["encoding_format"] for asked in server.asked] == ["base64", *["float"] * 6]


def _without_names(server: CompatibleServer, folder: Path) -> EmbeddingProvider:
    lines = [line for line in server.table.splitlines() if "answers_as" not in line]
    (folder / "spaces.toml").write_text("[own]\n" + "\n".join(lines))
    settings = Settings(spaces_file=folder / "spaces.toml", text_spaces="own", _env_file=None)  # type: ignore[call-arg]
    return open_provider(settings, configured_text_spaces(settings)[0])


def test_another_name_in_an_answer_is_accepted_only_where_the_space_says_so(tmp_path: Path):
    with running(NAMED["tei"]) as server:
        # The folder of a model is no part of its name.
        assert run(_without_names(server, tmp_path), sentences(2))[2] is None
    with running(NAMED["litellm"]) as server:
        error = run(_without_names(server, tmp_path), sentences(2))[2]
        assert "comes from the model 'text-embedding-3-small' and not from 'our-embedder'" in str(error)
        assert run(open_table(server, tmp_path), sentences(2))[2] is None


def test_each_prefix_reaches_its_side_and_a_shortened_vector_is_cut_and_of_length_one(tmp_path: Path):
    prefixes = 'document_prefix = "passage: "\nquery_prefix = "query: "\nshorten = 48\n'
    with running(NAMED["vllm"]) as server:
        provider = open_table(server, tmp_path, prefixes)
        vectors, _, error = run(provider, ["The ship came home."])
        question = ask(provider, "Who came home?")

    assert error is None
    assert [asked.texts for asked in server.asked] == [["passage: The ship came home."], ["query: Who came home?"]]
    assert "dimensions" not in server.asked[0].body
    whole = np.asarray(vectors_of(["query: Who came home?"], 64)[0])[:48]
    np.testing.assert_allclose(question, whole / np.linalg.norm(whole), rtol=1e-5)
    assert np.linalg.norm(vectors[digest("The ship came home.")]) == pytest.approx(1, abs=1e-6)


def test_an_empty_text_is_refused_and_not_its_prefix_embedded(tmp_path: Path):
    with running(NAMED["vllm"]) as server:
        provider = open_table(server, tmp_path, 'document_prefix = "passage: "\n')
        _, refused, error = run(provider, ["  ", "A text."])
    assert (error, len(refused)) == (None, 1)
    assert [asked.texts for asked in server.asked][-1] == ["passage: A text."]
