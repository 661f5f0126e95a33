"""Voyage's models that embed the passages of a document together, over real HTTP and the SDK's request layer."""

from collections.abc import Iterator

import numpy as np
import pytest

from morpheus_assets.embedding.errors import ConfigurationError, InvalidAnswer
from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput, RefusedInput
from morpheus_assets.embedding.providers.base import EmbeddingProvider, ProviderOptions
from morpheus_assets.embedding.providers.registry import open_provider
from morpheus_assets.embedding.providers.responses import passages_of_documents
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.embedding.stream import embed_batches
from morpheus_assets_tests.embedding.helpers import QUICK, ask, digest, sentences
from morpheus_assets_tests.fixtures.native_servers import KEY, LONG, NativeServer, running_native, vectors_together

SPACE = resolve_text_space("voyage/voyage-context-4@256")


@pytest.fixture
def server() -> Iterator[NativeServer]:
    with running_native("voyage_context") as started:
        yield started


def opened(server: NativeServer, key: str = KEY) -> EmbeddingProvider:
    return open_provider(SPACE, ProviderOptions(api_key=key, base_url=server.url, timeout_seconds=10))


def window(name: str, passages: list[str]) -> EmbeddingInput:
    return EmbeddingInput(digest(name), tuple(passages), members=tuple(digest(name + text) for text in passages))


def embed(server: NativeServer, *windows: EmbeddingInput) -> tuple[dict[bytes, np.ndarray], list[RefusedInput]]:
    vectors: dict[bytes, np.ndarray] = {}
    refused: list[RefusedInput] = []
    for result in embed_batches(opened(server), windows, retry=QUICK):
        if isinstance(result, EmbeddedBatch):
            assert not vectors.keys() & set(result.hashes)
            vectors.update(zip(result.hashes, result.embeddings, strict=True))
        elif isinstance(result, RefusedInput):
            refused.append(result)
    return vectors, refused


def assert_together(vectors: dict[bytes, np.ndarray], name: str, passages: list[str]) -> None:
    for text, expected in zip(passages, vectors_together(passages, 256), strict=True):
        np.testing.assert_allclose(vectors[digest(name + text)], expected, rtol=1e-5, atol=1e-7)


def test_the_passages_of_each_window_go_together_and_get_a_vector_each(server: NativeServer):
    windows = {name: sentences(size, start) for name, size, start in (("a", 7, 0), ("b", 1, 50), ("c", 12, 100))}
    vectors, refused = embed(server, *(window(name, passages) for name, passages in windows.items()))
    assert not refused
    assert len(vectors) == 20
    for name, passages in windows.items():
        assert_together(vectors, name, passages)
    [(_, _, body)] = server.asked
    assert body["inputs"] == list(windows.values())


def test_a_request_holds_whole_windows_up_to_its_tokens(server: NativeServer):
    windows = [window(str(number), sentences(200, 1000 * number)) for number in range(9)]
    vectors, _ = embed(server, *windows)
    assert len(vectors) == 1800
    assert len(server.asked) > 1
    assert {len(passages) for _, _, body in server.asked for passages in body["inputs"]} == {200}


def test_a_passage_that_is_refused_stands_alone_in_the_end_and_its_neighbours_get_their_vectors(server: NativeServer):
    passages = sentences(9)
    passages[4] += LONG
    vectors, refused = embed(server, window("a", passages), window("b", sentences(5, 40)))
    assert [each.content_hash for each in refused] == [digest("a" + passages[4])]
    assert vectors.keys() == {digest("a" + text) for text in passages if LONG not in text} | {
        digest("b" + text) for text in sentences(5, 40)
    }
    assert_together(vectors, "b", sentences(5, 40))


def test_a_window_that_is_too_large_for_the_model_is_sent_in_halves(server: NativeServer):
    passages = [f"{number} " + "a long sentence without an end " * 140 for number in range(40)]
    vectors, refused = embed(server, window("a", passages))
    assert not refused
    assert len(vectors) == 40


def test_a_question_is_a_document_of_one_passage(server: NativeServer):
    vector = ask(opened(server), "Who came home?")
    np.testing.assert_allclose(vector, vectors_together(["Who came home?"], 256)[0], rtol=1e-5, atol=1e-7)
    assert server.asked[-1][2]["input_type"] == "query"


def test_a_wrong_key_names_its_setting(server: NativeServer):
    with pytest.raises(ConfigurationError, match="VOYAGE_API_KEY"):
        ask(opened(server, key="pa-wrong"), "A text.")


@pytest.mark.parametrize(
    "answer",
    [
        [{"index": 0, "data": [{}, {}]}],
        [{"index": 0, "data": [{}]}, {"index": 0, "data": [{}]}],
        [{"index": 0, "data": [{}]}, {"index": 1, "data": [{}]}],
        [{"index": 0, "data": [{}, {"index": 2}]}, {"index": 1, "data": [{}]}],
        [{"index": 0, "data": None}, {"index": 1, "data": [{}]}],
        ["a", "b"],
    ],
)
def test_an_answer_with_other_documents_or_passages_than_were_sent_is_not_trusted(answer: list[object]):
    with pytest.raises(InvalidAnswer, match="cannot be trusted"):
        passages_of_documents({"data": answer}, [2, 1], "Voyage")
