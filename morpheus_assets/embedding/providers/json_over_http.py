"""What providers over HTTP share: one POST of JSON under one deadline, through aiohttp.

A provider's file says what is sent and where the vectors stand in the answer.
"""

import asyncio
import json
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError, ProviderUnavailable
from morpheus_assets.embedding.providers.base import (
    EmbeddingModel,
    EmbeddingResult,
    InputType,
    ProviderOptions,
    request_limits,
)
from morpheus_assets.embedding.providers.certificates import certificates
from morpheus_assets.embedding.providers.http_errors import Endpoint, split_query
from morpheus_assets.embedding.providers.text_inputs import estimate_cl100k, refuse_unusable
from morpheus_assets.embedding.rate_limits import read_limits

if TYPE_CHECKING:
    import aiohttp

    from morpheus_assets.embedding.providers.responses import Answer


_LONGEST_HEADER = 64 * 1024


class Response(NamedTuple):
    """A successful response, whole; names of headers in any case."""

    headers: Mapping[str, str]
    body: bytes


class JsonProvider:
    """Texts to vectors of `space`; a subclass gives `vendor`, `own_url`, `key_setting` and `payload`.

    `path` and `read` are OpenAI's where a subclass has none of its own.
    Raises ConfigurationError at once when the key is missing and the address is the vendor's.
    """

    vendor: str
    own_url: str
    key_setting: str
    address_setting = "`endpoint` in spaces.toml"
    # Of one request where the model says nothing else.
    most_inputs = 96
    most_tokens: int | None = None
    tokens_per_cl100k = 1.0
    follows_redirects = False
    # The library whose trusted certificates are taken.
    trusted_by = "httpx"

    def __init__(self, space: Space, options: ProviderOptions, model: EmbeddingModel | None) -> None:
        self.space = space
        self.model = model
        most_inputs, most_tokens = self.most_inputs, self.most_tokens
        if model is not None:
            most_inputs, most_tokens = model.max_inputs, model.max_request_tokens
        self.limits = request_limits(options, most_inputs, most_tokens, space.max_input_tokens)
        self.served_as = options.served_as or space.model
        self.answers_as = (space.model, *options.answers_as)
        url, self._query = split_query(options.base_url or self.own_url)
        self._endpoint = Endpoint(
            self.vendor,
            space.model,
            url.rstrip("/"),
            options.key_name or self.key_setting,
            options.address_name or self.address_setting,
            options.timeout_seconds,
            secret=options.api_key or "",
        )
        if not options.api_key and options.base_url is None:
            raise self._endpoint.missing_key()
        # Not with the first requests: they are booked in the shared budget by then, and would leave seconds later.
        import aiohttp

        self._headers = self.authorization(options.api_key or "none", options.key_header)
        self._client: aiohttp.ClientSession | None = None
        self._proxy: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def authorization(self, key: str, header: str | None) -> dict[str, str]:
        """The header that carries the key."""
        return {header: key} if header else {"Authorization": f"Bearer {key}"}

    def path(self) -> str:
        """What follows the address."""
        return "/embeddings"

    def payload(self, texts: list[str], input_type: InputType) -> dict[str, Any]:
        """The body of a request."""
        raise NotImplementedError

    def read(self, body: bytes, count: int) -> "Answer":
        """The checked vectors of an answer; raises InvalidAnswer or ProviderUnavailable."""
        from morpheus_assets.embedding.providers.responses import read_response

        return read_response(
            body,
            count=count,
            dimensions=self.space.dimensions,
            model=self.served_as,
            also_named=self.answers_as,
            vendor=self.vendor,
        )

    def read_rows(self, rows: object, count: int, tokens: object, *, unit_norm: bool = False) -> "Answer":
        """Lists of numbers in the order of the inputs as a checked answer; `unit_norm` brings them to length 1."""
        from morpheus_assets.embedding.providers.responses import rows_in_order

        return rows_in_order(rows, count, self.space, self.vendor, tokens, unit_norm=unit_norm)

    def estimate_tokens(self, text: str) -> int:
        """Tokens, estimated and not under for prose."""
        return int(estimate_cl100k(text) * self.tokens_per_cl100k) + 1

    async def embed(self, inputs: Sequence[str], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed texts in one request; `input_type` is sent along and changes the vectors."""
        refuse_unusable(inputs)
        response = await self.post(self.payload(list(inputs), input_type), patience)
        answer = self.checked(response, len(inputs))
        return answer.result(inputs, self.estimate_tokens, read_limits(response.headers))

    def checked(self, response: Response, count: int) -> "Answer":
        """The checked vectors of a response, or the error that it holds in their place; raises embedding.errors."""
        try:
            return self.read(response.body, count)
        except ProviderUnavailable as error:
            raise self._endpoint.error_in(response.headers, response.body) or error from None

    async def post(self, payload: dict[str, Any], patience: float) -> Response:
        """A successful response to a request with this body; raises embedding.errors."""
        import aiohttp
        import orjson

        endpoint = self._endpoint
        deadline = endpoint.timeout_seconds * patience
        # The loop sees which connections the server has ended meanwhile, and forgets them; aiohttp would take one.
        for _ in range(2):
            await asyncio.sleep(0)
        try:
            async with (
                asyncio.timeout(deadline),
                self._open().post(
                    f"{endpoint.base_url}{self.path()}", data=orjson.dumps(payload), params=self._query or None,
                    allow_redirects=self.follows_redirects, proxy=self._proxy,
                ) as response,
            ):  # fmt: skip
                body = await self._body(response)
        except TimeoutError:
            raise endpoint.too_slow(deadline) from None
        except aiohttp.TooManyRedirects:
            raise endpoint.unreachable("its redirects lead back to itself") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise endpoint.unreachable(str(error) or type(error).__name__) from None
        if response.history and response.status in (404, 405):
            # A redirect made another kind of request of it.
            moved = response.history[0]
            raise endpoint.error_for(moved.status, moved.headers, b"")
        if not 200 <= response.status < 300:
            raise endpoint.error_for(response.status, response.headers, body)
        return Response(response.headers, body)

    async def _body(self, response: "aiohttp.ClientResponse") -> bytes:
        import aiohttp

        try:
            return await response.read()
        except aiohttp.ClientPayloadError as error:
            fault = self._endpoint.unreachable(f"its answer breaks off: {error}")
            # It began with a success, so the vectors are perhaps charged for.
            fault.perhaps_paid = 200 <= response.status < 300
            raise fault from None

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            if self._client is not None:
                _let_go(self._client)
            # aiohttp reads the system's proxy only together with a netrc, which must not take the place of the key.
            self._proxy = proxy_of(self._endpoint.base_url)
            self._client = aiohttp.ClientSession(
                headers={**self._headers, "Content-Type": "application/json", "Accept": "application/json"},
                connector=aiohttp.TCPConnector(ssl=certificates(self.trusted_by)),
                # The deadline is asked for around it.
                timeout=aiohttp.ClientTimeout(),
                # Some gateways send policies and cookies of 10 KB.
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
            weakref.finalize(self, _let_go, self._client)
            self._loop = loop
        return self._client

    async def close(self) -> None:
        """Close the connections of this event loop; a later `embed` opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()


def _let_go(client: "aiohttp.ClientSession") -> None:
    """Close what was left open when its loop or its provider went, which aiohttp would complain of as an error."""
    connector = client.connector
    client.detach()
    if connector is not None:
        # It closes them before it first waits, for which there is no loop any more.
        closing: Any = connector.close()
        with suppress(StopIteration, RuntimeError):
            closing.send(None)
        closing.close()


def proxy_of(url: str) -> str | None:
    """The proxy that the environment (`https_proxy`, `all_proxy`, `no_proxy` …) names for an address, or None.

    Raises ConfigurationError for one that is no HTTP proxy.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.netloc):
        return None
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    if proxy.scheme not in ("http", "https"):
        raise ConfigurationError(
            f"The environment names the proxy {proxy.scheme}://{proxy.hostname}, and only HTTP proxies can be used: set"
            f" {parts.scheme}_proxy to one, or no_proxy to {parts.hostname}."
        )
    return proxy.geturl()


def read_json(body: bytes, vendor: str) -> dict[str, Any]:
    """An answer that is a JSON object; raises ProviderUnavailable for anything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        start = body[:60].decode("utf-8", "replace").strip() or "nothing"
        raise ProviderUnavailable(
            f"{vendor} answered with something that is no JSON object ({start!r}): a proxy or an outage stands between;"
            " check the address, or run again later."
        )
    return answer
