"""HTTP failures as this package's errors: the class for a status, and the sentence that a person reads.

Knows an endpoint's settings by name, and its key only to strike it out of quoted messages.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from morpheus_assets.embedding.errors import (
    AnswerOverdue,
    BillingError,
    ConfigurationError,
    EmbeddingError,
    InputRefused,
    ProviderUnavailable,
    RateLimited,
    RequestTooLarge,
    ValidationError,
)
from morpheus_assets.embedding.rate_limits import read_limits, read_retry_advice, read_retry_after

_KEY_LIKE = re.compile(r"\b(sk|pa|al)-[\w*.\-]{4,}")
_TOO_LARGE = re.compile(
    r"max_tokens_per_request|request too large|tokens per request|tokens per submitted batch|batch size|"
    r"exceeds the tpm limit|too many inputs|tokens in the batch|at most \d+ (requests|items|inputs)|"
    # Cohere behind a gateway, Mistral, Qianfan.
    r"number of (texts|inputs) must be|split into more batches|length of input array",
    re.IGNORECASE,
)
# TEI, DashScope, Gemini's compatible face, Cohere, Azure, Qianfan, and servers that check a list's length.
_MOST_INPUTS = re.compile(
    r"(?:maximum allowed batch size|larger than|at most|max(?:imum)? batch size(?: is| of)?:?|"
    r"max(?:imum)? number of inputs is|less than or equal to) (\d+)\b",
    re.IGNORECASE,
)
# TEI says with 413 that one input is too long, as it says that there are too many.
_ONE_INPUT = re.compile(r"inputs?`? must have less than", re.IGNORECASE)
# Codes, never sentences: Azure, Gemini, and accounts without a card hear of quota and billing at a plain rate limit.
_BILLING_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    # LiteLLM's own budgets (with 400, later 429), DashScope (with 400), Moonshot, Zhipu.
    "budget_exceeded",
    "Arrearage",
    "exceeded_current_quota_error",
    "1113",
}
_SETUP = re.compile(
    r"model .{0,80}(not supported|not exist|not found|unknown)|unknown model|"
    r"dimensions?\b.{0,40}(not|invalid)|(invalid|unsupported).{0,20}dimension|encoding_format|input_type|output_dtype|api.?key",
    re.IGNORECASE,
)
# Characters of a message in which a setting is looked for: behind them a server may repeat the text that it refuses.
_BEGINNING = 300
# Gemini's way to say 401.
_WRONG_KEY = re.compile(r"API key not valid", re.IGNORECASE)
_AT_INDEX = re.compile(r"(?:at index |input\[|inputs\[|input\.)(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Endpoint:
    """The address of a provider, the names of its settings, and the errors that its responses stand for."""

    vendor: str
    model: str
    base_url: str
    key_setting: str
    base_url_setting: str
    timeout_seconds: float
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ConfigurationError(
                f"{self.base_url_setting} must be an address such as https://host/v1, without user or password: "
                "set it so, or leave it out."
            )
        # No header can hold such a key, and the errors that say so repeat it.
        if not (self.secret.isascii() and self.secret.isprintable()) or " " in self.secret:
            raise ConfigurationError(
                f"{self.key_setting} holds a character that no key has, such as a line break, a space or an accent: "
                "copy the key again."
            )

    @property
    def display_url(self) -> str:
        """The address without user, password or query."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def missing_key(self) -> ConfigurationError:
        """The error for a key that is not set."""
        return ConfigurationError(
            f"{self.key_setting} is not set, and {self.vendor}'s model {self.model} needs a key: set it, "
            "or name another space in MORPHEUS_TEXT_SPACES."
        )

    def unreachable(self, detail: str) -> ProviderUnavailable:
        """The error for a connection that could not be made or broke."""
        because = f" ({self.quote(detail)})" if detail.strip() else ""
        return ProviderUnavailable(
            f"{self.vendor} cannot be reached at {self.display_url}{because}: check the network "
            f"and {self.base_url_setting}, or run again later."
        )

    def too_slow(self, seconds: float) -> AnswerOverdue:
        """The error for a response that was not complete within `seconds`."""
        said = f"no whole answer within {seconds:g} s"
        return AnswerOverdue(
            f"{self.vendor} gave {said}, and perhaps charges for it all the same: run again later, or raise "
            "MORPHEUS_REQUEST_TIMEOUT_SECONDS.",
            said=said,
        )

    def quote(self, text: str) -> str:
        """A message of the provider in one short line, without anything that looks like a key."""
        if self.secret:
            text = text.replace(self.secret, "[key]")
        text = _KEY_LIKE.sub("[key]", " ".join(text.split()))
        return text if len(text) <= 240 else text[:239] + "…"

    def error_in(self, headers: Mapping[str, str], body: bytes) -> EmbeddingError | None:
        """The error that a response holds though its status is 200, as OpenRouter and LM Studio answer; else None."""
        try:
            error = json.loads(body)["error"]
        except (ValueError, RecursionError, TypeError, KeyError):
            return None
        code = str(error.get("code")) if isinstance(error, dict) else ""
        status = int(code) if code.isascii() and code.isdecimal() and 400 <= int(code) <= 599 else 500
        return self.error_for(status, headers, body, said="HTTP 200 with an error") if error else None

    def error_for(
        self, status: int, headers: Mapping[str, str], body: bytes, *, said: str | None = None
    ) -> EmbeddingError:
        """The error for a response with this status; `said` is what it is called in the sentence."""
        error = self._error_for(status, headers, body, said or f"HTTP {status}")
        if isinstance(error, ValidationError):
            error.by_provider = True
        return error

    def _error_for(self, status: int, headers: Mapping[str, str], body: bytes, said: str) -> EmbeddingError:
        message, codes = _read_error(body)
        named = f"{' '.join(codes)} {message}"
        said = f"{said}: {self.quote(message)}" if message else said
        limits = read_limits(headers)
        retry_after = read_retry_after(headers)
        if retry_after is None and limits is not None:
            retry_after = limits.seconds_until_free()
        if retry_after is None:
            retry_after = read_retry_advice(body)
        if status == 402 or (400 <= status < 500 and _BILLING_CODES.intersection(codes)):
            return BillingError(
                f"{self.vendor}'s account has no quota or credit left ({said}): add some at the provider for "
                f"the key in {self.key_setting}, then run again."
            )
        if status == 401 or (status == 400 and _WRONG_KEY.search(message)):
            return ConfigurationError(
                f"{self.vendor} refuses the key (HTTP {status}): set {self.key_setting} to a key that is valid at "
                f"{self.display_url}."
            )
        if status == 403:
            return ConfigurationError(
                f"{self.vendor} denies access ({said}): give the key in {self.key_setting} the right to use "
                f"{self.model}, or set another one."
            )
        if 400 <= status < 500 and _ONE_INPUT.search(message):
            return InputRefused(f"{self.vendor} refuses the input ({said}): change the text, or leave it refused.")
        if status == 413 or (status in (400, 422, 429) and _TOO_LARGE.search(named)):
            return RequestTooLarge(
                f"{self.vendor} finds the request too large ({said}): lower MORPHEUS_CHUNK_TOKENS if a "
                "single chunk is too large.",
                int(said_most[1]) if (said_most := _MOST_INPUTS.search(message)) else None,
            )
        if status == 429:
            return RateLimited(
                f"{self.vendor}'s rate limit is reached ({said}): lower MORPHEUS_REQUESTS_PER_MINUTE or "
                "MORPHEUS_TOKENS_PER_MINUTE, or run again later.",
                retry_after,
                limits,
            )
        if status in (400, 422) and not _SETUP.search(message[:_BEGINNING]):
            found = _AT_INDEX.search(message)
            return InputRefused(
                f"{self.vendor} refuses the input ({said}): change the text, or leave it refused.",
                int(found[1]) if found else None,
            )
        # 424: what stands behind a managed endpoint failed (Azure ML, Bedrock).
        if status in (408, 409, 424, 425) or status >= 500:
            return ProviderUnavailable(
                f"{self.vendor} is in trouble ({said}): run again later, or name another provider in "
                "MORPHEUS_TEXT_SPACES.",
                retry_after,
                said,
            )
        if 300 <= status < 400:
            elsewhere = next((value for name, value in headers.items() if name.lower() == "location"), "elsewhere")
            return ConfigurationError(
                f"{self.vendor} is not at {self.display_url} but {self.quote(elsewhere)} ({said}): write that address "
                f"into {self.base_url_setting}."
            )
        bare = urlsplit(self.base_url).path in ("", "/")
        return ConfigurationError(
            f"{self.vendor} does not offer {self.model} at {self.display_url} ({said}): check MORPHEUS_TEXT_SPACES "
            f"and {self.base_url_setting}{', at whose end /v1 may be lacking' if bare else ''}."
        )


def split_query(url: str) -> tuple[str, dict[str, str]]:
    """An address without its query, and the query: Azure wants `?api-version=…` at the end of each request's."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), dict(parse_qsl(parts.query))


def _place(loc: object) -> str:
    parts = [str(part) for part in loc if part != "body"] if isinstance(loc, list | tuple) else []
    return f"{'.'.join(parts)}: " if parts else ""


def _read_error(body: bytes) -> tuple[str, tuple[str, ...]]:
    """Message and codes of an error body in OpenAI's shape (`error`, or a list of one), Voyage's (`detail`) or none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ("an answer that is not JSON" if body else ""), ()
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    if not isinstance(error, dict):
        return str(error), ()
    message = error.get("message") or error.get("detail") or ""
    if isinstance(message, list) and all(isinstance(each, dict) and "msg" in each for each in message):
        # pydantic's, which repeat what was sent: a novel may speak of a model that is not found.
        message = "; ".join(f"{_place(each.get('loc'))}{each['msg']}" for each in message[:3])
    codes = tuple(str(error[name]) for name in ("code", "type") if error.get(name) is not None)
    return (message if isinstance(message, str) else json.dumps(message)), codes
