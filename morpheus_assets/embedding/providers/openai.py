"""OpenAI's embeddings, or those of any endpoint that speaks its protocol.

One call is one request: retries and budget are requests.py's. Not through the openai SDK, which took 1 ms of CPU to
build the request of a question; of what else it does only the batch API's part is used.
"""

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
)
from morpheus_assets.embedding.providers.json_over_http import JsonProvider
from morpheus_assets.embedding.providers.text_inputs import estimate_cl100k, refuse_unusable
from morpheus_assets.embedding.rate_limits import read_limits

if TYPE_CHECKING:
    from morpheus_assets.embedding.providers.batch_api import BatchDialect

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
    sdk="aiohttp",
    # developers.openai.com/api/docs/guides/batch, November 2026: half the price; an input a request, for its name.
    batch=BatchTerms(Decimal("0.5"), 24, 50_000),
    open=lambda space, options: OpenAIProvider(space, options),
)


class OpenAIProvider(JsonProvider):
    """Texts to vectors of `space`; raises ConfigurationError at once when a key is needed and missing."""

    own_url = "https://api.openai.com/v1"
    key_setting = "OPENAI_API_KEY"
    address_setting = "OPENAI_BASE_URL"
    most_inputs, most_tokens = _INPUTS, _REQUEST_TOKENS
    follows_redirects = True
    trusted_by = "httpx2"

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        self.vendor = "OpenAI" if options.base_url is None else "The OpenAI-compatible endpoint"
        model = PROVIDER.model(space.model)
        super().__init__(space, options, model)
        # Azure's portal shows the whole address of a request.
        self._endpoint = replace(self._endpoint, base_url=self._endpoint.base_url.removesuffix(self.path()))
        self._api_key = options.api_key or "none"
        self._key_header = options.key_header
        self._encoding: Literal["base64", "float"] = "base64"
        self._size: dict[str, Any] = (
            {"dimensions": space.dimensions} if model and space.dimensions != model.dimensions else {}
        )
        self._may_be_sized = model is None

    def authorization(self, key: str, header: str | None) -> dict[str, str]:
        """The key as a bearer token, and in a header that is named besides: some gateways want both."""
        return super().authorization(key, None) | (super().authorization(key, header) if header else {})

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
                f"{self.vendor} gives {self.served_as} vectors of {given} dimensions and not of {wanted},"
                f" even if asked: write dimensions = {given}{cut} into a table of spaces.toml, or another model into"
                " MORPHEUS_TEXT_SPACES."
            ) from None
        # Most models give one size, and their servers refuse to be asked for it: so it is asked for only where needed.
        self._size = size
        # The first answer was charged as well.
        return replace(result, total_tokens=2 * result.total_tokens)

    async def _ask(self, inputs: Sequence[str], patience: float, size: Mapping[str, Any]) -> EmbeddingResult:
        body = {"model": self.served_as, "input": list(inputs), "encoding_format": self._encoding, **size}
        try:
            response = await self.post(body, patience)
        except (ConfigurationError, InputRefused, ProviderUnavailable) as error:
            # Floats cost 75 times the processor time, so they are asked for only where a server refuses base64.
            if body["encoding_format"] == "float" or not _ABOUT_ENCODING.search(str(error)):
                raise
            response = await self.post({**body, "encoding_format": "float"}, patience)
            self._encoding = "float"
        answer = self.checked(response, len(inputs))
        return answer.result(inputs, self.estimate_tokens, read_limits(response.headers))

    def batches(self) -> "BatchDialect":
        """How jobs of the batch API embed documents of the space."""
        from morpheus_assets.embedding.providers.batch_api import BatchDialect
        from morpheus_assets.embedding.providers.responses import read_single

        read = partial(
            read_single, dimensions=self.space.dimensions, model=self.served_as, also_named=self.answers_as,
            vendor=self.vendor,
        )  # fmt: skip
        return BatchDialect(
            self._endpoint, self._api_key, "24h", self._batch_line, read, query=self._query, key_header=self._key_header
        )

    def _batch_line(self, name: str, text: str) -> dict[str, Any]:
        body = {"model": self.served_as, "input": text, "encoding_format": "base64", **self._size}
        return {"custom_id": name, "method": "POST", "url": "/v1/embeddings", "body": body}
