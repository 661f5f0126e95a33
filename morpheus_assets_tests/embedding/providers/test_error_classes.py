"""The class, the wait and the sentence of each failure, by status and body alone; test_http_errors.py sends them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from morpheus_assets.embedding.errors import (
    AnswerOverdue,
    BillingError,
    ConfigurationError,
    EmbeddingError,
    InputRefused,
    ProviderUnavailable,
    RateLimited,
    RequestTooLarge,
)
from morpheus_assets.embedding.providers.http_errors import Endpoint, split_query

KEY = "own-secret-0123"
ENDPOINT = Endpoint("OPENAI", "the-model", "https://host.example:8443/v1?x=1", "THE_KEY", "THE_URL", 60.0, KEY)


def error_for(status: int, body: Any = b"", **headers: str) -> EmbeddingError:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ENDPOINT.error_for(status, {name.replace("_", "-"): value for name, value in headers.items()}, sent)


def said(message: str, **more: str) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


CLASSES: list[tuple[int, Any, type[EmbeddingError]]] = [
    (402, b"", BillingError),
    (400, said("x", code="insufficient_quota"), BillingError),
    (429, said("x", code="insufficient_quota"), BillingError),
    (499, said("x", type="billing_hard_limit_reached"), BillingError),
    (500, said("x", code="insufficient_quota"), ProviderUnavailable),
    (429, said("insufficient_quota"), RateLimited),
    (401, b"", ConfigurationError),
    (400, said("API key not valid. Please pass one."), ConfigurationError),
    (403, said("no"), ConfigurationError),
    (400, said("inputs must have less than 512 tokens"), InputRefused),
    (413, said("`inputs` must have less than 512 tokens"), InputRefused),
    (499, said("input must have less than 512 tokens"), InputRefused),
    (500, said("input must have less than 512 tokens"), ProviderUnavailable),
    (413, b"", RequestTooLarge),
    (400, said("Request too large"), RequestTooLarge),
    (422, said("too many inputs"), RequestTooLarge),
    (429, said("x", code="max_tokens_per_request"), RequestTooLarge),
    (404, said("too many inputs"), ConfigurationError),
    (503, said("too many inputs"), ProviderUnavailable),
    (429, b"", RateLimited),
    (400, said("The text is bad."), InputRefused),
    (422, said("The text is bad."), InputRefused),
    (400, said("The model x does not exist."), ConfigurationError),
    (422, said("dimensions: not a number"), ConfigurationError),
    (408, b"", ProviderUnavailable),
    (409, b"", ProviderUnavailable),
    (424, b"", ProviderUnavailable),
    (425, b"", ProviderUnavailable),
    (500, b"", ProviderUnavailable),
    (599, b"<html>", ProviderUnavailable),
    (404, b"", ConfigurationError),
    (405, b"", ConfigurationError),
    (301, said("x", code="insufficient_quota"), ConfigurationError),
]


@pytest.mark.parametrize(("status", "body", "kind"), CLASSES)
def test_each_status_and_body_has_its_class(status: int, body: Any, kind: type[EmbeddingError]):
    error = error_for(status, body)
    assert type(error) is kind
    assert error.retryable is (kind in (RateLimited, ProviderUnavailable))
    assert KEY not in str(error)
    assert "the-model" in str(error) or "OPENAI" in str(error)


SENTENCES = [
    (402, {}, "add some at the provider for the key in THE_KEY"),
    (401, {}, "set THE_KEY to a key that is valid at https://host.example:8443/v1."),
    (400, said("API key not valid."), "set THE_KEY to a key that is valid"),
    (403, said("not for you"), "(HTTP 403: not for you): give the key in THE_KEY the right to use the-model"),
    (413, {}, "MORPHEUS_CHUNK_TOKENS"),
    (429, {}, "lower MORPHEUS_REQUESTS_PER_MINUTE or MORPHEUS_TOKENS_PER_MINUTE"),
    (400, said("bad"), "refuses the input (HTTP 400: bad)"),
    (500, b"rubbish", "(HTTP 500: an answer that is not JSON)"),
    (500, b"", "is in trouble (HTTP 500): run again later"),
    (404, {}, "the-model at https://host.example:8443/v1 (HTTP 404): check MORPHEUS_TEXT_SPACES and THE_URL"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "fragment"), SENTENCES)
def test_the_sentence_names_what_was_said_and_what_to_do(status: int, body: Any, fragment: str):
    assert fragment in str(error_for(status, body))


@pytest.mark.parametrize(("message", "index"), [("bad text at index 3", 3), ("input[12] is bad", 12), ("bad", None),
                                                ("inputs[0]: bad", 0), ("input.4 is bad", 4)])  # fmt: skip
def test_a_refused_input_is_found_by_its_index(message: str, index: int | None):
    error = error_for(400, said(message))
    assert isinstance(error, InputRefused)
    assert error.index == index


@pytest.mark.parametrize(("message", "most"), [("maximum allowed batch size 32", 32), ("x", None),
                                               ("at most 10 inputs", 10), ("max batch size: 96", 96)])  # fmt: skip
def test_the_most_inputs_are_read_from_the_refusal(message: str, most: int | None):
    error = error_for(413, said(message))
    assert isinstance(error, RequestTooLarge)
    assert error.most_inputs == most


def test_the_wait_is_what_a_header_says_else_what_is_used_up_else_what_the_body_says():
    body = said("Please retry in 7s")
    used_up = {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "9s"}

    def wait(status: int, **headers: str) -> float | None:
        error = error_for(status, body, **headers)
        assert isinstance(error, RateLimited | ProviderUnavailable)
        return error.retry_after

    assert wait(429, retry_after="5", **used_up) == 5
    assert wait(429, **used_up) == 9
    assert wait(429, x_ratelimit_remaining_tokens="3", x_ratelimit_reset_tokens="9s") == 7
    assert (wait(429), wait(503), wait(503, retry_after="2")) == (7, 7, 2)
    limited = error_for(429, body, **used_up)
    assert isinstance(limited, RateLimited)
    assert limited.limits is not None
    assert limited.limits.remaining_tokens == 0


def test_a_text_that_is_repeated_with_its_refusal_is_not_read_as_the_refusal():
    text = "She was a model of virtue, unknown to us, and the api key of the harpsichord lay beside her."
    fault = {"type": "string_too_long", "loc": ["body", "input", 1], "msg": "String should be shorter", "input": text}
    error = error_for(422, {"detail": [fault]})
    assert isinstance(error, InputRefused)
    assert error.index == 1
    assert "(HTTP 422: input.1: String should be shorter)" in str(error)
    for message in (f"String should be shorter: {'x' * 300} {text}", "Input refused. " * 30 + text):
        assert isinstance(error_for(400, said(message)), InputRefused)
    many = {
        "loc": ["body", "input"],
        "msg": "List should have at most 96 items after validation",
        "input": [text] * 200,
    }
    error = error_for(422, {"detail": [many]})
    assert isinstance(error, RequestTooLarge)
    assert error.most_inputs == 96
    encoding = {"loc": ["body", "encoding_format"], "msg": "Input should be 'float'", "input": "base64"}
    assert isinstance(error_for(422, {"detail": [encoding]}), ConfigurationError)


SHAPES = [{"error": {"message": "a", "code": 7}}, [{"error": {"message": "a"}}], {"detail": "a"}, {"message": "a"},
          {"error": "a"}, "a"]  # fmt: skip


@pytest.mark.parametrize("body", SHAPES)
def test_a_message_is_found_in_each_vendors_shape(body: Any):
    assert "(HTTP 500: a)" in str(error_for(500, body))


@pytest.mark.parametrize("body", [{"detail": [{"loc": ["a"]}]}, [1, 2], [], 5, None, b"[" * 100_000])
def test_a_body_of_no_known_shape_is_quoted_and_does_no_harm(body: Any):
    assert type(error_for(500, body)) is ProviderUnavailable


def test_what_is_quoted_is_one_short_line_without_keys():
    quoted = ENDPOINT.quote(f"a\n b  {KEY} sk-abcd1234 pa-abcd al-x.y*z-1 sk-a")
    assert quoted == "a b [key] [key] [key] [key] sk-a"
    assert ENDPOINT.quote("x" * 240) == "x" * 240
    assert ENDPOINT.quote("x" * 241) == "x" * 239 + "…"
    assert replace(ENDPOINT, secret="").quote("a b") == "a b"
    assert KEY not in repr(ENDPOINT)


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host/v1", "http:///v1", "https://user@host/v1", "https://:pass@host/v1"]
)
def test_an_address_must_be_one_without_user_or_password(url: str):
    with pytest.raises(ConfigurationError, match=r"^THE_URL must be an address"):
        replace(ENDPOINT, base_url=url)


@pytest.mark.parametrize("secret", ["a b", "a\nb", "é", "a\tb"])
def test_a_key_must_be_one_that_a_header_can_hold(secret: str):
    with pytest.raises(ConfigurationError, match=r"^THE_KEY holds a character") as refused:
        replace(ENDPOINT, secret=secret)
    assert secret not in str(refused.value)


def test_addresses_are_shown_without_their_query():
    assert ENDPOINT.display_url == "https://host.example:8443/v1"
    assert replace(ENDPOINT, base_url="http://host").display_url == "http://host"
    assert split_query("https://h/v1?api-version=2&x=") == ("https://h/v1", {"api-version": "2"})


def test_an_answer_that_never_came_is_told_apart_from_a_server_that_is_not_there():
    late, away = ENDPOINT.too_slow(2.5), ENDPOINT.unreachable("refused by host")
    assert (type(late), type(away)) == (AnswerOverdue, ProviderUnavailable)
    assert late.said == "no whole answer within 2.5 s"
    assert "OPENAI gave no whole answer within 2.5 s" in str(late)
    assert "(refused by host): check the network and THE_URL" in str(away)
    assert "v1: check the network" in str(ENDPOINT.unreachable(" "))
    assert "THE_KEY is not set, and OPENAI's model the-model needs a key" in str(ENDPOINT.missing_key())
