"""What servers were reported to do beside their documentation: each to a stream of texts, over real HTTP."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from morpheus_assets.embedding.errors import (
    BillingError,
    ConfigurationError,
    EmbeddingError,
    InvalidAnswer,
    RateLimited,
    ValidationError,
)
from morpheus_assets.embedding.packs import RefusedInput
from morpheus_assets_tests.embedding.helpers import assert_right, digest, run, sentences
from morpheus_assets_tests.embedding.providers.test_compatible_servers import open_table
from morpheus_assets_tests.fixtures.compatible_servers import BAD, Asked, CompatibleServer, Refused, answer_to, running

Answer = Callable[[Asked, int], object]
Outcome = tuple[dict[bytes, np.ndarray], list[RefusedInput], Exception | None, CompatibleServer]


def embed(answer: Answer, texts: list[str], folder: Path, table: str = "", **options: object) -> Outcome:
    with running(answer=answer) as server:
        return *run(open_table(server, folder, table), texts, **{"max_inputs": 64, **options}), server


def refused(status: int, message: str, kind: str | None = None, code: object = None) -> Refused:
    return Refused(status, {"error": {"message": message, "type": kind, "code": code}})


def without_vector(value: object) -> Answer:
    """A server that gives `value` in place of the vector of a bad text (TEI #557, Qwen3-Embedding #186)."""

    def answer(asked: Asked, number: int) -> object:
        made = answer_to(asked)
        for text, entry in zip(asked.texts, made["data"], strict=True):  # type: ignore[call-overload]
            if BAD in text:
                entry["embedding"] = value
        return made

    return answer


@pytest.mark.parametrize("value", [[None] * 64, [float("nan")] * 64, [0.0] * 64, [], None])
def test_a_text_that_gets_no_usable_vector_is_refused_alone_and_its_siblings_are_embedded(
    value: object, tmp_path: Path
):
    texts = sentences(130)
    texts[70] = f"A text {BAD} at fault."
    vectors, refusals, error, server = embed(without_vector(value), texts, tmp_path)

    assert error is None
    assert [each.content_hash for each in refusals] == [digest(texts[70])]
    assert "embeds a harmless sentence" in refusals[0].reason
    assert len(vectors) == 129
    assert_right(vectors, texts, 64)
    # Two packs, the third twice, a harmless sentence, the text alone and the others; then the text three times more,
    # each after a harmless sentence.
    assert len(server.asked) <= 2 + 2 + 1 + 2 + 2 * 3


def test_texts_without_a_vector_are_found_at_once_and_not_by_halving(tmp_path: Path):
    texts = sentences(64)
    for place in (3, 4, 50):
        texts[place] = f"A text {BAD} at fault, {place}."
    vectors, refusals, error, server = embed(without_vector([None] * 64), texts, tmp_path)

    assert (error, len(vectors)) == (None, 61)
    assert {each.content_hash for each in refusals} == {digest(texts[place]) for place in (3, 4, 50)}
    most = max(server.embedded[text] for text in texts if BAD not in text)
    assert most == 3


def test_a_server_that_leaves_out_a_text_gets_its_siblings_embedded(tmp_path: Path):
    def answer(asked: Asked, number: int) -> object:
        made = answer_to(asked)
        kept = [row for text, row in zip(asked.texts, made["data"], strict=True) if BAD not in text]  # type: ignore[call-overload]
        return {**made, "data": [{**row, "index": place} for place, row in enumerate(kept)]}

    texts = sentences(30)
    texts[7] = f"A text {BAD} at fault."
    vectors, refusals, error, _ = embed(answer, texts, tmp_path)
    assert (error, [each.content_hash for each in refusals]) == (None, [digest(texts[7])])
    assert_right(vectors, texts, 64)


def test_a_server_that_gives_no_usable_vectors_at_all_marks_no_text_as_refused(tmp_path: Path):
    def answer(asked: Asked, number: int) -> object:
        made = answer_to(asked)
        return {**made, "data": [{"index": place, "embedding": [None] * 64} for place in range(len(asked.texts))]}

    vectors, refusals, error, server = embed(answer, sentences(130), tmp_path)
    assert (len(vectors), refusals, type(error)) == (0, [], InvalidAnswer)
    vectors, refusals, error, server = embed(answer, sentences(1), tmp_path)
    assert (len(vectors), refusals, type(error)) == (0, [], InvalidAnswer)
    assert len(server.asked) == 4


USED_UP = [
    (
        refused(400, "Budget has been exceeded! Current cost: 26, Max budget: 10", "budget_exceeded", "400"),
        BillingError,
    ),
    (refused(429, "User exceeded budget", "budget_exceeded", "429"), BillingError),
    (refused(400, "Access denied, your account is not in good standing.", "Arrearage", "Arrearage"), BillingError),
    (refused(429, "Your account is suspended", "exceeded_current_quota_error"), BillingError),
    (
        refused(400, "litellm.BadRequestError: OpenAIException - Budget has been exceeded!", None, "400"),
        ValidationError,
    ),
    (refused(400, "This request was blocked by a rule of the gateway."), ValidationError),
    (refused(422, "This tenant is closed."), ValidationError),
]


@pytest.mark.parametrize(("refusal", "kind"), USED_UP, ids=lambda each: str(each)[-60:])
def test_an_account_that_is_used_up_meanwhile_marks_no_text_as_refused(
    refusal: Refused, kind: type[EmbeddingError], tmp_path: Path
):
    def answer(asked: Asked, number: int) -> object:
        if number > 2:
            raise refusal
        return answer_to(asked)

    vectors, refusals, error, server = embed(answer, sentences(130), tmp_path, concurrency=1)
    assert (len(vectors), refusals, type(error)) == (128, [], kind)
    assert "run again" in str(error) or "harmless sentence is refused as well" in str(error)
    assert len(server.asked) <= 2 + 2 + 1


def test_a_refusal_is_believed_when_a_harmless_sentence_passes_after_it(tmp_path: Path):
    def answer(asked: Asked, number: int) -> object:
        if any(BAD in text for text in asked.texts):
            raise refused(400, "bad")
        return answer_to(asked)

    texts = [*sentences(64), f"{BAD} one", f"{BAD} two"]
    _, refusals, error, server = embed(answer, texts, tmp_path, concurrency=1)
    assert (error, len(refusals)) == (None, 2)
    # Both packs, both halves, and after each refusal of one text a harmless sentence.
    assert len(server.asked) == 2 + 2 + 2


IN_ANOTHERS_WORDS = [
    ("CohereException - invalid request: total number of texts must be at most 20 - received 64", 20),
    ("Too many inputs. The max number of inputs is 16.  We hope to increase it soon.", 16),
    ("the length of input array must be less than or equal to 16", 16),
    ("Too many tokens overall, split into more batches.", 16),
    ("input数组最大不得超过16条", 16),
    ("the input token count is 26000 but the model supports up to 20000", 16),
]


@pytest.mark.parametrize(("message", "most"), IN_ANOTHERS_WORDS)
def test_too_many_inputs_are_found_and_remembered_in_whichever_words_they_are_refused(
    message: str, most: int, tmp_path: Path
):
    def answer(asked: Asked, number: int) -> object:
        if len(asked.texts) > most:
            raise refused(400, message)
        return answer_to(asked)

    found: list[int] = []
    vectors, refusals, error, server = embed(
        answer, sentences(320), tmp_path, concurrency=1, on_limit=found.append, max_inputs=64
    )
    assert (error, refusals, len(vectors)) == (None, [], 320)
    assert min(found) == most
    too_many = [len(asked.texts) > most for asked in server.asked]
    assert too_many.count(True) <= 3
    assert not any(too_many[12:])


def test_a_bad_text_is_no_sign_of_too_many_inputs(tmp_path: Path):
    def answer(asked: Asked, number: int) -> object:
        if any(BAD in text for text in asked.texts):
            raise refused(400, "bad")
        return answer_to(asked)

    found: list[int] = []
    texts = [*sentences(63), f"{BAD} one", *sentences(64, 100)]
    embed(answer, texts, tmp_path, concurrency=1, on_limit=found.append)
    assert found == []


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (
            {"error": {"message": "Rate limit exceeded: free-models-per-min.", "code": 429}},
            RateLimited,
            "Rate limit exc",
        ),
        ({"error": {"message": "Insufficient credits.", "code": 402}}, BillingError, "Insufficient credits"),
        ({"error": {"message": "No such model.", "code": "404"}}, ConfigurationError, "No such model"),
        ({"error": "Unexpected endpoint or method. (POST /embeddings)"}, EmbeddingError, "Unexpected endpoint"),
    ],
)
def test_an_error_in_an_answer_with_status_200_is_what_it_says(
    body: object, kind: type[EmbeddingError], says: str, tmp_path: Path
):
    vectors, refusals, error, _ = embed(lambda asked, number: body, sentences(3), tmp_path)
    assert (len(vectors), refusals) == (0, [])
    assert isinstance(error, kind)
    assert f"HTTP 200 with an error: {says}" in str(error)


@pytest.mark.parametrize("refuses_base64", [False, True])
def test_a_model_that_gives_other_dimensions_by_itself_is_asked_for_those_of_the_space(
    refuses_base64: bool, tmp_path: Path
):
    def answer(asked: Asked, number: int) -> object:
        if refuses_base64 and asked.body["encoding_format"] == "base64":
            raise refused(500, "litellm.APIConnectionError: encoding_format base64 is not supported")
        return answer_to(asked, asked.body.get("dimensions", 128))  # type: ignore[arg-type]

    vectors, _, error, server = embed(answer, sentences(20), tmp_path, concurrency=1, max_inputs=5)
    assert (error, len(vectors)) == (None, 20)
    assert_right(vectors, sentences(20), 64)
    asked = [each.body.get("dimensions") for each in server.asked]
    assert asked == [*[None] * (1 + refuses_base64), 64, 64, 64, 64]


def test_a_model_that_has_one_size_only_is_told_with_both_ways_out(tmp_path: Path):
    def answer(asked: Asked, number: int) -> object:
        if "dimensions" in asked.body:
            raise refused(400, 'Model "bge-m3" does not support matryoshka representation', "BadRequestError", 400)
        return answer_to(asked, 128)

    _, refusals, error, _ = embed(answer, sentences(3), tmp_path)
    assert (refusals, type(error)) == ([], InvalidAnswer)
    assert "gives bge-m3 vectors of 128 dimensions and not of 64, even if asked" in str(error)
    assert "write dimensions = 128 (and shorten = 64," in str(error)


@pytest.mark.parametrize(
    ("usage", "tokens", "counted"),
    [
        (lambda texts: {"total_tokens": 33}, 33, True),
        (lambda texts: {"prompt_tokens": 33}, 33, True),
        (lambda texts: {}, 24, False),
        # Infinity 0.0.78, as it was measured here.
        (lambda texts: {"total_tokens": sum(map(len, texts))}, 24, False),
    ],
)
def test_the_tokens_are_those_that_an_answer_counts_unless_they_are_characters(
    usage: Callable[[list[str]], dict[str, int]], tokens: int, counted: bool, tmp_path: Path
):
    texts = ["The ship came home in the evening.", "She put the letter on the table without a word."]
    with running(answer=lambda asked, number: {**answer_to(asked), "usage": usage(asked.texts)}) as server:
        provider = open_table(server, tmp_path)
        result = asyncio.run(provider.embed(texts, "document"))
    assert (result.total_tokens, result.counted) == (tokens, counted)


def test_a_name_in_other_capitals_is_the_same_model(tmp_path: Path):
    vectors, _, error, _ = embed(lambda asked, n: {**answer_to(asked), "model": "BAAI/BGE-M3"}, sentences(3), tmp_path)
    assert (error, len(vectors)) == (None, 3)


def test_vectors_of_tokens_in_place_of_one_are_called_so(tmp_path: Path):
    def answer(asked: Asked, number: int) -> object:
        made = answer_to(asked)
        return {**made, "data": [{**row, "embedding": [row["embedding"]] * 7} for row in made["data"]]}  # type: ignore[attr-defined]

    _, _, error, _ = embed(answer, sentences(3), tmp_path)
    assert "holds 7 vectors, as of the tokens of a text" in str(error)


def test_an_address_may_be_that_of_a_request_and_one_that_lacks_its_end_is_told(tmp_path: Path):
    with running() as server:
        whole = server.table.replace(server.url, f"{server.url}/embeddings")
        (tmp_path / "spaces.toml").write_text(f"[own]\n{whole}")
        server.url += "/embeddings"
        vectors, _, error = run(open_table(server, tmp_path), sentences(3))
        assert (error, len(vectors)) == (None, 3)
        server.url = server.url.removesuffix("/v1/embeddings")
        _, _, error = run(open_table(server, tmp_path), sentences(3))
    assert isinstance(error, ConfigurationError)
    assert "endpoint in spaces.toml, table [own], at whose end /v1 may be lacking" in str(error)
