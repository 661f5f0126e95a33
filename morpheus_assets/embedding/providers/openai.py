"""OpenAI's embeddings, or those of any endpoint that speaks its protocol, through the openai SDK.

One call is one request: retries and budget are requests.py's.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused, InvalidAnswer, ProviderUnavailable
from morpheus_assets.embedding.providers.base import (
    BatchTerms,
    EmbeddingModel,
    EmbeddingResult,
    InputType,
    ProviderOptions,
    ProviderSpec,
    request_limits,
)
from morpheus_assets.embedding.providers.certificates import certificates
from morpheus_assets.embedding.providers.http_errors import Endpoint, split_query
from morpheus_assets.embedding.providers.text_inputs import estimate_cl100k, refuse_unusable
from morpheus_assets.embedding.rate_limits import read_limits

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from morpheus_assets.embedding.providers.batch_api import BatchDialect

_OWN_URL = "https://api.openai.com/v1"
_INPUTS, _REQUEST_TOKENS = 2048, 300_000
_ABOUT_ENCODING = re.compile(r"encoding_format|base64", re.IGNORECASE)


def _model(name: str, dimensions: int, price: str, any_dimensions: bool = True, note: str = "") -> EmbeddingModel:
    return EmbeddingModel(
        name, dimensions, 8192, _INPUTS, _REQUEST_TOKENS, Decimal(price), any_dimensions=any_dimensions, note=note
    )


PROVIDER = ProviderSpec(
    name="openai",
    purpose="text",
    kind="openai",
    # Prices: developers.openai.com/api/docs/models/text-embedding-3-large, November 2026, not the batch rate; of
    # ada-002 that of older listings.
    models=(
        _model("text-embedding-3-large", 3072, "0.13"),
        _model("text-embedding-3-small", 1536, "0.02"),
        _model(
            "text-embedding-ada-002",
            1536,
            "0.10",
            any_dimensions=False,
            note="older: text-embedding-3-small takes its place",
        ),
    ),
    other_models="at an endpoint of one's own",
    key_setting="openai_api_key",
    base_url_setting="openai_base_url",
    sdk="openai.resources.embeddings",
    # developers.openai.com/api/docs/guides/batch, November 2026: half the price; an input a request, for its name.
    batch=BatchTerms(Decimal("0.5"), 24, 50_000),
    open=lambda space, options: OpenAIProvider(space, options),
)


class OpenAIProvider:
    """Texts to vectors of `space`; raises ConfigurationError at once when a key is needed and missing."""

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        self.space = space
        self.limits = request_limits(options, _INPUTS, _REQUEST_TOKENS, space.max_input_tokens)
        url, self._query = split_query(options.base_url or _OWN_URL)
        # Azure's portal shows the whole address of a request.
        url = url.rstrip("/").removesuffix("/embeddings")
        self._endpoint = Endpoint(
            "OpenAI" if options.base_url is None else "The OpenAI-compatible endpoint",
            space.model,
            url,
            options.key_name or "OPENAI_API_KEY",
            options.address_name or "OPENAI_BASE_URL",
            options.timeout_seconds,
            secret=options.api_key or "",
        )
        if not options.api_key and options.base_url is None:
            raise self._endpoint.missing_key()
        # Not with the first requests: they are booked in the shared budget by then, and would leave seconds later.
        import openai  # noqa: F401

        # A server of one's own often wants no key; the SDK insists on one.
        self._api_key = options.api_key or "none"
        self._key_header = options.key_header
        self._served_as = options.served_as or space.model
        self._answers_as = (space.model, *options.answers_as)
        self._expected: dict[str, Any] = {
            "dimensions": space.dimensions,
            "model": self._served_as,
            "also_named": self._answers_as,
            "vendor": self._endpoint.vendor,
        }
        self._encoding: Literal["base64", "float"] = "base64"
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        model = PROVIDER.model(space.model)
        self._size: dict[str, Any] = (
            {"dimensions": space.dimensions} if model and space.dimensions != model.dimensions else {}
        )
        self._may_be_sized = model is None

    def estimate_tokens(self, text: str) -> int:
        """Tokens, estimated and not under for prose."""
        return estimate_cl100k(text)

    async def embed(self, inputs: Sequence[str], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed up to 2048 texts in one request; documents and queries are treated alike by these models."""
        refuse_unusable(inputs)
        try:
            return await self._ask(inputs, patience, self._size)
        except InvalidAnswer as error:
            if error.dimensions is None or self._size or not self._may_be_sized:
                raise
            given = error.dimensions
        return await self._ask_for_size(inputs, patience, given)

    async def _ask_for_size(self, inputs: Sequence[str], patience: float, given: int) -> EmbeddingResult:
        """Ask a model for the space's dimensions, of which it gave others by itself; raises InvalidAnswer."""
        wanted = self.space.dimensions
        size = {"dimensions": wanted}
        try:
            result = await self._ask(inputs, patience, size)
        except (ConfigurationError, InputRefused, InvalidAnswer):
            cut = f" (and shorten = {wanted}, if it was trained to be shortened)" if given > wanted else ""
            raise InvalidAnswer(
                f"{self._endpoint.vendor} gives {self._served_as} vectors of {given} dimensions and not of {wanted},"
                f" even if asked: write dimensions = {given}{cut} into a table of spaces.toml, or another model into"
                " MORPHEUS_TEXT_SPACES."
            ) from None
        # Most models give one size, and their servers refuse to be asked for it: so it is asked for only where needed.
        self._size = size
        # The first answer was charged as well.
        return replace(result, total_tokens=2 * result.total_tokens)

    async def _ask(self, inputs: Sequence[str], patience: float, size: Mapping[str, Any]) -> EmbeddingResult:
        from morpheus_assets.embedding.providers.responses import read_response

        encoding = self._encoding
        try:
            headers, body = await self._post(list(inputs), patience, encoding, size)
        except (ConfigurationError, InputRefused, ProviderUnavailable) as error:
            # Floats cost 75 times the processor time, so they are asked for only where a server refuses base64.
            if encoding == "float" or not _ABOUT_ENCODING.search(str(error)):
                raise
            headers, body = await self._post(list(inputs), patience, "float", size)
            self._encoding = "float"
        try:
            answer = read_response(body, count=len(inputs), **self._expected)
        except ProviderUnavailable as error:
            raise self._endpoint.error_in(headers, body) or error from None
        return answer.result(inputs, self.estimate_tokens, read_limits(headers))

    def batches(self) -> "BatchDialect":
        """How jobs of the batch API embed documents of the space."""
        from morpheus_assets.embedding.providers.batch_api import BatchDialect
        from morpheus_assets.embedding.providers.responses import read_single

        return BatchDialect(
            self._endpoint, self._api_key, "24h", self._batch_line, partial(read_single, **self._expected),
            query=self._query, key_header=self._key_header,
        )  # fmt: skip

    def _batch_line(self, name: str, text: str) -> dict[str, Any]:
        body = {"model": self._served_as, "input": text, "encoding_format": "base64", **self._size}
        return {"custom_id": name, "method": "POST", "url": "/v1/embeddings", "body": body}

    async def _post(
        self, texts: list[str], patience: float, encoding: Literal["base64", "float"], size: Mapping[str, Any]
    ) -> tuple[Any, bytes]:
        from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

        endpoint = self._endpoint
        deadline = endpoint.timeout_seconds * patience
        try:
            # The SDK's timeout is for each read: a body that drips would hold it for ever.
            async with asyncio.timeout(deadline):
                # Raw: the SDK's own parsing costs two more copies of every vector and checks nothing. Its arguments it
                # walks through, text by text, for what it would translate; the extra ones go as they are.
                answer = await self._open().embeddings.with_raw_response.create(
                    input=[], model=self._served_as, encoding_format=encoding, timeout=deadline,
                    extra_body={"input": texts}, **size,
                )  # fmt: skip
                return answer.headers, answer.content
        except (TimeoutError, APITimeoutError):
            raise endpoint.too_slow(deadline) from None
        except APIStatusError as error:
            if error.response.history and error.status_code in (404, 405):
                # A redirect made another kind of request of it.
                moved = error.response.history[0]
                raise endpoint.error_for(moved.status_code, moved.headers, b"") from None
            raise endpoint.error_for(error.status_code, error.response.headers, error.response.content) from None
        except APIConnectionError as error:
            raise endpoint.unreachable(str(error.__cause__ or error)) from None
        except OpenAIError as error:
            raise endpoint.unreachable(str(error)) from None

    def _open(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = AsyncOpenAI(
                api_key=self._api_key,
                base_url=self._endpoint.base_url,
                default_query=self._query or None,
                default_headers={self._key_header: self._api_key} if self._key_header else None,
                max_retries=0,
                timeout=self._endpoint.timeout_seconds,
                http_client=DefaultAsyncHttpxClient(verify=certificates("httpx2")),
            )
            self._loop = loop
        return self._client

    async def close(self) -> None:
        """Close the connections of this event loop; a later `embed` opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()
