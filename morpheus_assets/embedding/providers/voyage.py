"""Voyage's embeddings, through the voyageai SDK's request layer.

One layer below its `Client`, which drops the index of each vector, the headers and the status 529.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.models import find_model
from morpheus_assets.embedding.providers.base import EmbeddingResult, InputType, ProviderLimits
from morpheus_assets.embedding.providers.http_errors import Endpoint
from morpheus_assets.embedding.providers.responses import read_answer
from morpheus_assets.embedding.providers.text_inputs import estimate_cl100k, refuse_unusable
from morpheus_assets.embedding.rate_limits import read_limits

if TYPE_CHECKING:
    import aiohttp

_OWN_URL = "https://api.voyageai.com/v1"
# Voyage counts up to a fifth more tokens than cl100k, and its tokenizer is on a hub that may be out of reach.
_MORE_THAN_CL100K = 1.2
_FILL = 0.8


class VoyageProvider:
    """Texts to vectors of `space`; raises ConfigurationError at once when the key is missing."""

    def __init__(self, space: Space, api_key: str | None, base_url: str | None, timeout_seconds: float) -> None:
        model = find_model("voyage", space.model)
        self.space = space
        self.limits = ProviderLimits(
            model.max_inputs if model else 1000,
            int((model.max_request_tokens if model and model.max_request_tokens else 120_000) * _FILL),
            space.max_input_tokens,
        )
        self._base_url = base_url.rstrip("/") if base_url else None
        self._endpoint = Endpoint(
            "Voyage",
            space.model,
            self._base_url or _OWN_URL,
            "VOYAGE_API_KEY",
            "VOYAGE_BASE_URL",
            timeout_seconds,
            secret=api_key or "",
        )
        if not api_key:
            raise self._endpoint.missing_key()
        # Not with the first requests: they are booked in the shared budget by then, and would leave seconds later.
        import voyageai.api_resources.api_requestor  # noqa: F401

        self._api_key = api_key
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def estimate_tokens(self, text: str) -> int:
        """Tokens, estimated and not under for prose."""
        return int(estimate_cl100k(text) * _MORE_THAN_CL100K) + 1

    async def embed(self, inputs: Sequence[str], input_type: InputType) -> EmbeddingResult:
        """Embed up to 1000 texts in one request; `input_type` is sent along and changes the vectors."""
        refuse_unusable(inputs)
        status, headers, body = await self._post(
            {
                "input": list(inputs),
                "model": self.space.model,
                "input_type": input_type,
                # The default cuts a long input silently.
                "truncation": False,
                "output_dimension": self.space.dimensions,
                "encoding_format": "base64",
            }
        )
        if not 200 <= status < 300:
            raise self._endpoint.error_for(status, headers, body)
        vectors, model, tokens = read_answer(
            body, count=len(inputs), dimensions=self.space.dimensions, model=self.space.model, vendor="Voyage"
        )
        if tokens is None:
            tokens = sum(self.estimate_tokens(text) for text in inputs)
        return EmbeddingResult(vectors, model, tokens, read_limits(headers))

    async def _post(self, params: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        import aiohttp
        from voyageai.api_resources.api_requestor import APIRequestor
        from voyageai.error import VoyageError

        endpoint = self._endpoint
        requestor = APIRequestor(self._api_key, self._base_url)
        try:
            async with asyncio.timeout(endpoint.timeout_seconds):
                answer = await requestor.arequest_raw(
                    "post",
                    "/embeddings",
                    self._open(),
                    params=params,
                    request_timeout=endpoint.timeout_seconds,
                )
                async with answer:
                    return answer.status, answer.headers, await answer.read()
        except TimeoutError:
            raise endpoint.too_slow() from None
        except VoyageError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise endpoint.too_slow() from None
            raise endpoint.unreachable(str(error.__cause__ or error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise endpoint.unreachable(str(error) or type(error).__name__) from None

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._session = aiohttp.ClientSession(proxy=_proxy_for(self._endpoint.base_url))
            self._loop = loop
        return self._session

    async def close(self) -> None:
        """Close the session of this event loop; a later `embed` opens a new one."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()


def _proxy_for(url: str) -> str | None:
    """The proxy that the system names for this address; aiohttp's own `trust_env` would also take keys from netrc."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)
