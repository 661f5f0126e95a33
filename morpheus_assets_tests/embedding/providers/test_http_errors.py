import dataclasses

import pytest

from morpheus_assets.embedding.errors import (
    AnswerOverdue,
    BillingError,
    ConfigurationError,
    InvalidAnswer,
    ProviderUnavailable,
    RateLimited,
    ValidationError,
)
from morpheus_assets.embedding.providers import registry
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets_tests.embedding.helpers import (
    KEY,
    OPENAI,
    VOYAGE,
    assert_right,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.ports import free_port
from morpheus_assets_tests.fixtures.provider import ProviderServer


@dataclasses.dataclass(frozen=True)
class Row:
    fault: str
    error: type[Exception] | None
    attempts: int
    says: tuple[str, ...] = ()
    options: tuple[tuple[str, object], ...] = ()
    vendors: str = "both"
    timeout: float = 30.0

    @property
    def name(self) -> str:
        return "-".join([self.fault, *(f"{key}={value}" for key, value in self.options)])


KEY_SETTING, SPACES = "{vendor}_API_KEY", "MORPHEUS_TEXT_SPACES"
LATER, TRUST = "run again later", "cannot be trusted"
ROWS = [
    Row("401", ConfigurationError, 1, ("HTTP 401", KEY_SETTING)),
    Row("402", BillingError, 1, ("HTTP 402", KEY_SETTING, "run again")),
    Row("403", ConfigurationError, 1, ("HTTP 403", KEY_SETTING)),
    Row("404", ConfigurationError, 1, ("HTTP 404", SPACES, "{vendor}_BASE_URL")),
    Row("400_model", ConfigurationError, 1, ("HTTP 400", SPACES)),
    # One for the pack, one for a harmless sentence that shows that the inputs are not at fault.
    Row("400", ValidationError, 2, ("HTTP 400", "harmless sentence", SPACES)),
    Row("400_context", ValidationError, 2, ("HTTP 400", "harmless sentence")),
    Row("422", ValidationError, 2, ("HTTP 422", "harmless sentence")),
    # Three inputs, then one of them alone, then the harmless sentence.
    Row("400_batch", ValidationError, 3, ("HTTP 400", "too large", "MORPHEUS_CHUNK_TOKENS")),
    Row("413", ValidationError, 3, ("HTTP 413", "too large", "MORPHEUS_CHUNK_TOKENS")),
    Row("429_too_large", ValidationError, 3, ("HTTP 429", "too large")),
    Row("429", RateLimited, 3, ("HTTP 429", "MORPHEUS_TOKENS_PER_MINUTE", LATER, "3 attempts")),
    Row("429", RateLimited, 3, ("HTTP 429",), (("retry_after", "0.05"),)),
    Row("429", RateLimited, 3, ("HTTP 429",), (("retry_date", "1"),)),
    Row("429", RateLimited, 3, ("HTTP 429",), (("retry_after", "999999999"),)),
    Row("429", RateLimited, 3, ("HTTP 429",), (("retry_after", "soon"),)),
    Row("429", RateLimited, 3, ("HTTP 429",), (("retry_after", "0"),)),
    Row("429", RateLimited, 3, ("HTTP 429",), (("retry_date", "-100"),)),
    Row("html429", RateLimited, 3, ("HTTP 429",)),
    Row("429_quota", BillingError, 1, ("HTTP 429", "quota or credit", KEY_SETTING)),
    # Three for the pack, and a harmless sentence that shows that the inputs are not at fault.
    *(
        Row(status, ProviderUnavailable, 4, (f"HTTP {status}", LATER, SPACES))
        for status in ("408", "409", "500", "502", "503", "504", "529")
    ),
    Row("html502", ProviderUnavailable, 4, ("HTTP 502", LATER)),
    Row("html200", ProviderUnavailable, 4, ("not JSON", "base URL")),
    Row("empty200", ProviderUnavailable, 4, ("not JSON", "base URL")),
    Row("detail200", ProviderUnavailable, 4, ("without any data",)),
    Row("cut_json", ProviderUnavailable, 4, ("not JSON", LATER)),
    Row("cut_body", ProviderUnavailable, 4, ("cannot be reached", LATER)),
    Row("reset_body", ProviderUnavailable, 4, ("cannot be reached", LATER)),
    Row("reset", ProviderUnavailable, 4, ("cannot be reached", "{vendor}_BASE_URL")),
    Row("close", ProviderUnavailable, 4, ("cannot be reached", "{vendor}_BASE_URL")),
    # The pack once, and a harmless sentence that is not answered either: what is perhaps paid for is not sent again.
    Row(
        "slow",
        AnswerOverdue,
        2,
        ("within 0.3 s", "MORPHEUS_REQUEST_TIMEOUT_SECONDS"),
        (("delay", 1),),
        timeout=0.3,
    ),
    Row(
        "drip",
        AnswerOverdue,
        2,
        ("within 0.4 s", "MORPHEUS_REQUEST_TIMEOUT_SECONDS"),
        (("delay", 2),),
        timeout=0.4,
    ),
    # Two for the pack, and two for a harmless sentence that shows that the inputs are not at fault.
    Row("wrong_count", InvalidAnswer, 4, (TRUST, "2 vectors for 3 inputs", SPACES, "2 attempts")),
    Row("extra_count", InvalidAnswer, 4, (TRUST, "4 vectors for 3 inputs")),
    Row("no_data", InvalidAnswer, 4, (TRUST, "0 vectors for 3 inputs")),
    Row("repeated_index", InvalidAnswer, 2, (TRUST, "index 0")),
    Row("missing_index", InvalidAnswer, 2, (TRUST, "index None")),
    Row("index_beyond", InvalidAnswer, 2, (TRUST, "index 3")),
    Row("wrong_dims", InvalidAnswer, 2, (TRUST, "255 dimensions and not 256")),
    Row("nan", InvalidAnswer, 4, (TRUST, "NaN")),
    Row("inf", InvalidAnswer, 4, (TRUST, "infinity")),
    Row("huge", InvalidAnswer, 4, (TRUST, "65504")),
    Row("zero", InvalidAnswer, 4, (TRUST, "zeros")),
    Row("bad_base64", InvalidAnswer, 2, (TRUST, "decoded")),
    Row("ragged_base64", InvalidAnswer, 2, (TRUST, "decoded")),
    Row("other_model", InvalidAnswer, 2, (TRUST, "somebody-else")),
    Row("reordered", None, 1),
    Row("versioned_model", None, 1),
    Row("no_usage", None, 1),
    *(
        Row(fault, None, 2, (), (("times", 1),))
        for fault in ("429", "500", "529", "reset", "cut_body", "cut_json", "html200", "nan", "repeated_index")
    ),
]


@pytest.mark.parametrize("space", [OPENAI, VOYAGE], ids=["openai", "voyage"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_fault_ends_in_its_class_with_its_attempts_and_a_helpful_sentence(
    row: Row, space: str, provider_server: ProviderServer
):
    url = provider_server.base_url(row.fault, **dict(row.options))
    texts = sentences(3)

    vectors, refused, error = run(open_provider(space, url, row.timeout), texts)

    assert type(error) is (row.error or type(None)), error
    assert provider_server.at_rest(url, row.attempts)["requests"] == row.attempts
    assert not refused
    assert len(vectors) == (0 if row.error else 3)
    assert_right(vectors, texts)
    message = str(error)
    for fragment in row.says:
        assert fragment.format(vendor=space.split("/")[0].upper()) in message
    assert KEY not in message
    assert "secret" not in message
    assert "\n" not in message


@pytest.mark.parametrize("space", [OPENAI, VOYAGE], ids=["openai", "voyage"])
@pytest.mark.parametrize("where", ["closed port", "unknown host"])
def test_a_server_that_is_not_there_is_named_with_its_setting(space: str, where: str):
    url = f"http://127.0.0.1:{free_port()}/v1" if where == "closed port" else "http://nowhere.invalid/v1"

    vectors, _, error = run(open_provider(space, url), sentences(3))

    assert not vectors
    assert type(error) is ProviderUnavailable
    assert error.requests == 3
    assert f"{space.split('/')[0].upper()}_BASE_URL" in str(error)
    assert "cannot be reached" in str(error)


@pytest.mark.parametrize("variable", ["OPENAI", "VOYAGE"])
def test_a_missing_key_is_said_before_anything_is_sent(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VOYAGE_API_KEY", "not for us")
    monkeypatch.setenv("OPENAI_API_KEY", "not for us")

    with pytest.raises(ConfigurationError, match=f"{variable}_API_KEY is not set"):
        registry.open_provider(resolve_text_space(OPENAI if variable == "OPENAI" else VOYAGE), ProviderOptions())


@pytest.mark.parametrize("space", [OPENAI, VOYAGE], ids=["openai", "voyage"])
@pytest.mark.parametrize("url", ["http://user:hidden@127.0.0.1/v1", "127.0.0.1:80", "ftp://host/v1"])
def test_an_address_that_is_none_is_refused_without_repeating_its_password(space: str, url: str):
    with pytest.raises(ConfigurationError, match="_BASE_URL must be an address") as caught:
        open_provider(space, url)
    assert "hidden" not in str(caught.value)
