"""Voyage's embeddings, through the voyageai SDK's request layer.

One layer below its `Client`, which drops the index of each vector, the headers and the status 529.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import InputRefused, ProviderUnavailable
from morpheus_assets.embedding.providers.base import (
    BatchTerms,
    EmbeddingModel,
    EmbeddingResult,
    InputType,
    ProviderOptions,
    ProviderSpec,
    request_limits,
)
from morpheus_assets.embedding.providers.http_errors import Endpoint
from morpheus_assets.embedding.providers.json_over_http import proxy_of
from morpheus_assets.embedding.providers.text_inputs import estimate_cl100k, refuse_unusable
from morpheus_assets.embedding.rate_limits import read_limits

if TYPE_CHECKING:
    import aiohttp

    from morpheus_assets.embedding.providers.batch_api import BatchDialect

_OWN_URL = "https://api.voyageai.com/v1"
_INPUTS, _LEAST_REQUEST_TOKENS = 1000, 120_000
_FILL = 0.8
# These models, and the open voyage-4-nano, give vectors that may be compared: docs.voyageai.com/docs/embeddings.
VOYAGE_4 = "voyage-4"
_ENDS, _ENDS_2028 = "and it ends on 1 December 2027", "and it ends on 13 February 2028"


def _model(
    name: str,
    request_tokens: int,
    price: str | None,
    input_tokens: int = 32_000,
    sizes: tuple[int, ...] = (256, 512, 2048),
    family: str = "",
    note: str = "",
    context_tokens: int | None = None,
) -> EmbeddingModel:
    return EmbeddingModel(
        name, 1024, input_tokens, _INPUTS, request_tokens, Decimal(price) if price else None,
        other_dimensions=sizes, context_tokens=context_tokens, family=family, note=note,
    )  # fmt: skip


PROVIDER = ProviderSpec(
    name="voyage",
    purpose="text",
    kind="voyage",
    # Prices, not the batch rate: of the voyage-4 family and voyage-code-3 mongodb.com/docs/vector-search, its owner's,
    # November 2026; of the context models blog.voyageai.com/2026/06/29/voyage-context-4; the others are to be checked
    # at docs.voyageai.com/docs/pricing. Of what is embedded together a request takes 32,000 tokens:
    # docs.voyageai.com/docs/contextualized-chunk-embeddings, as of August 2026. What is older, and until when it
    # answers: docs.voyageai.com/docs/choose-a-model, November 2026.
    models=(
        _model("voyage-4-large", 120_000, "0.12", family=VOYAGE_4),
        _model("voyage-4", 320_000, "0.06", family=VOYAGE_4),
        _model("voyage-4-lite", 1_000_000, "0.02", family=VOYAGE_4),
        _model("voyage-context-4", 32_000, "0.12", context_tokens=32_000),
        _model(
            "voyage-context-3", 32_000, "0.18", context_tokens=32_000, note="older: voyage-context-4 takes its place"
        ),
        _model("voyage-code-4", 120_000, None, note="made for code"),
        _model("voyage-3-large", 120_000, "0.18", note=f"older: voyage-4-large takes its place, {_ENDS}"),
        _model("voyage-3.5", 320_000, "0.06", note=f"older: voyage-4 takes its place, {_ENDS}"),
        _model("voyage-3.5-lite", 1_000_000, "0.02", note=f"older: voyage-4-lite takes its place, {_ENDS}"),
        _model(
            "voyage-code-3",
            120_000,
            "0.18",
            note=f"older: voyage-code-4 takes its place, {_ENDS_2028}",
        ),
        _model(
            "voyage-finance-2",
            120_000,
            "0.12",
            sizes=(),
            note=f"older: voyage-4 takes its place, {_ENDS}",
        ),
        _model("voyage-law-2", 120_000, "0.12", input_tokens=16_000, sizes=(), note="older, made for law"),
    ),
    preparation="input_type",
    key_setting="voyage_api_key",
    base_url_setting="voyage_base_url",
    sdk="voyageai.api_resources.api_requestor",
    # Up to a fifth more than cl100k; the exact tokenizer is on a hub that may be out of reach.
    tokens_per_cl100k=1.2,
    # docs.voyageai.com/docs/batch-inference, November 2026: a third less. It bounds no file; OpenAI's bound is kept.
    batch=BatchTerms(Decimal("0.67"), 12, 100_000),
    open=lambda space, options: _open(space, options),
)


def _open(space: Space, options: ProviderOptions) -> "VoyageProvider":
    model = PROVIDER.model(space.model)
    together = model is not None and model.context_tokens is not None
    return VoyageContextProvider(space, options) if together else VoyageProvider(space, options)


class VoyageProvider:
    """Texts to vectors of `space`; raises ConfigurationError at once when the key is missing."""

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        model = PROVIDER.model(space.model)
        most_tokens = (model and model.max_request_tokens) or _LEAST_REQUEST_TOKENS
        self.space = space
        self.limits = request_limits(options, _INPUTS, int(most_tokens * _FILL), space.max_input_tokens)
        self._base_url = options.base_url.rstrip("/") if options.base_url else None
        self._endpoint = Endpoint(
            "Voyage",
            space.model,
            self._base_url or _OWN_URL,
            options.key_name or "VOYAGE_API_KEY",
            options.address_name or "VOYAGE_BASE_URL",
            options.timeout_seconds,
            secret=options.api_key or "",
        )
        if not options.api_key:
            raise self._endpoint.missing_key()
        # Not with the first requests: they are booked in the shared budget by then, and would leave seconds later.
        import voyageai.api_resources.api_requestor  # noqa: F401

        self._api_key = options.api_key
        self._served_as = options.served_as or space.model
        self._answers_as = (space.model, *options.answers_as)
        self._expected: dict[str, Any] = {
            "dimensions": space.dimensions,
            "model": self._served_as,
            "also_named": self._answers_as,
            "vendor": "Voyage",
        }
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def estimate_tokens(self, text: str) -> int:
        """Tokens, estimated and not under for prose."""
        return int(estimate_cl100k(text) * PROVIDER.tokens_per_cl100k) + 1

    async def embed(self, inputs: Sequence[str], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed up to 1000 texts in one request; `input_type` is sent along and changes the vectors."""

        from morpheus_assets.embedding.providers.responses import read_response

        refuse_unusable(inputs)
        status, headers, body = await self._post(
            "/embeddings", {"input": list(inputs), **self._parameters(input_type)}, patience
        )
        if not 200 <= status < 300:
            raise self._endpoint.error_for(status, headers, body)
        try:
            answer = read_response(body, count=len(inputs), **self._expected)
        except ProviderUnavailable as error:
            raise self._endpoint.error_in(headers, body) or error from None
        return answer.result(inputs, self.estimate_tokens, read_limits(headers))

    def batches(self) -> "BatchDialect":
        """How jobs of the batch API embed documents of the space; the parameters are a whole job's."""
        from morpheus_assets.embedding.providers.batch_api import BatchDialect
        from morpheus_assets.embedding.providers.responses import read_single

        return BatchDialect(
            self._endpoint, self._api_key, "12h",
            lambda name, text: {"custom_id": name, "body": {"input": [text]}},
            partial(read_single, **self._expected),
            body={"request_params": self._parameters("document")},
        )  # fmt: skip

    def _parameters(self, input_type: InputType) -> dict[str, Any]:
        return {
            "model": self._served_as,
            "input_type": input_type,
            # The default cuts a long input silently.
            "truncation": False,
            "output_dimension": self.space.dimensions,
            "encoding_format": "base64",
        }

    async def _post(self, path: str, params: dict[str, Any], patience: float) -> tuple[int, Mapping[str, str], bytes]:
        import aiohttp
        from voyageai.api_resources.api_requestor import APIRequestor
        from voyageai.error import VoyageError

        endpoint = self._endpoint
        deadline = endpoint.timeout_seconds * patience
        requestor = APIRequestor(self._api_key, self._base_url)
        try:
            async with asyncio.timeout(deadline):
                answer = await requestor.arequest_raw(
                    "post",
                    path,
                    self._open(),
                    params=params,
                    request_timeout=deadline,
                )
                async with answer:
                    return answer.status, answer.headers, await answer.read()
        except TimeoutError:
            raise endpoint.too_slow(deadline) from None
        except VoyageError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise endpoint.too_slow(deadline) from None
            raise endpoint.unreachable(str(error.__cause__ or error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise endpoint.unreachable(str(error) or type(error).__name__) from None

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._session = aiohttp.ClientSession(proxy=proxy_of(self._endpoint.base_url))
            self._loop = loop
        return self._session

    async def close(self) -> None:
        """Close the session of this event loop; a later `embed` opens a new one."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()


class VoyageContextProvider(VoyageProvider):
    """The passages of a document together to a vector for each: docs.voyageai.com/docs/contextualized-chunk-embeddings.

    A text by itself is a document of one passage.
    """

    async def embed(
        self, inputs: Sequence[str | tuple[str, ...]], input_type: InputType, *, patience: float = 1.0
    ) -> EmbeddingResult:
        """Embed documents, each a tuple of passages or one text, in one request; a row for each passage, in order."""
        from morpheus_assets.embedding.providers.responses import parse_json, passages_of_documents, read_answer

        documents = [[each] if isinstance(each, str) else list(each) for each in inputs]
        for index, passages in enumerate(documents):
            try:
                refuse_unusable(passages)
            except InputRefused as error:
                raise InputRefused(str(error), index) from None
        parameters = self._parameters(input_type)
        # What is too large is always refused there.
        del parameters["truncation"]
        status, headers, body = await self._post(
            "/contextualizedembeddings", {"inputs": documents, **parameters}, patience
        )
        if not 200 <= status < 300:
            raise self._endpoint.error_for(status, headers, body)
        sizes = [len(passages) for passages in documents]
        answer = passages_of_documents(parse_json(body, "Voyage"), sizes, "Voyage")
        read = read_answer(answer, count=sum(sizes), **self._expected)
        return read.result(itertools.chain(*documents), self.estimate_tokens, read_limits(headers))
