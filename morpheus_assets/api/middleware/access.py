"""Who may call, how often, from where, how much at once, and with how large a body: decided before the body is read.

Pure ASGI, one layer. Without keys only this machine may call, and a web page of another origin may not at all.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from morpheus_assets.api.problems import Problem, problem_response

# What a person or a machine must reach before it has a key: the page that asks for one, and the health checks.
OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/openapi.json", "/docs", "/favicon.ico"})
OPEN_PREFIX = "/page/"
# A GET that asks a provider; any other method is taken to change or cost something.
COSTLY_GETS = frozenset({"/api/embeddings/search"})
# What is a POST for the size of its question; nothing is stored by it, but vectors of texts that `store` asks for.
READING_POSTS = frozenset(
    {"/api/embeddings/search", "/api/embeddings/searches", "/api/embeddings/text", "/v1/embeddings", "/mcp"}
)
# How much of what may be in flight one key, or one address, may hold.
SHARE_OF_ONE = 0.5
# A body may take so long, and as much longer as it has bytes at this rate; the request's deadline holds beside that.
BODY_SECONDS = 10.0
_LEAST_BYTES_PER_SECOND = 20_000
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::[0-9]{1,5})?"
_A_HOST = re.compile(_HOST)
_AN_ORIGIN = re.compile(rf"null|[a-z][a-z0-9+.-]*://{_HOST}")


@dataclass
class TokenBucket:
    """`per_minute` requests a minute, and as many in one burst as ten seconds allow."""

    per_minute: int
    left: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = self.burst

    @property
    def burst(self) -> float:
        """The most that may come at once."""
        return max(1.0, self.per_minute / 6)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What is left now, and how many seconds until all of it is there again."""
        missing = self.burst - min(self.burst, self.left + (time.monotonic() - self.at) * self.per_minute / 60)
        told = {
            "limit": self.burst, "remaining": self.burst - missing, "reset": math.ceil(missing * 60 / self.per_minute)
        }  # fmt: skip
        return [(f"ratelimit-{name}".encode(), str(int(value)).encode()) for name, value in told.items()]

    def take(self) -> float:
        """0.0 when there is room, else the seconds until there is."""
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.at) * self.per_minute / 60)
        self.at = now
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) * 60 / self.per_minute


@dataclass(frozen=True)
class ApiKey:
    """One key: only its digest is kept, so that neither a log nor a memory dump shows it."""

    name: str
    digest: bytes
    read_only: bool = False


def read_keys(text: str | None, *, variable: str = "MORPHEUS_API_KEYS", read_only: bool = False) -> list[ApiKey]:
    """The keys of a comma list of `KEY` or `NAME:KEY`; [] for None.

    Raises ValueError for a text without a key, for a key that is too short to be one, and for a blank name.
    """
    if text is None:
        return []
    keys = []
    for number, part in enumerate((each.strip() for each in text.split(",")), 1):
        if not part:
            continue
        name, colon, key = (each.strip() for each in part.partition(":"))
        name, key = (name, key) if colon else (f"key {number}", part)
        if not name:
            raise ValueError(f"{variable}: key {number} has a colon and no name before it; write NAME:KEY.")
        if len(key) < 16:
            raise ValueError(f"{variable}: {name!r} has a key of {len(key)} characters; use 16 or more.")
        keys.append(ApiKey(name, hashlib.sha256(key.encode()).digest(), read_only))
    if not keys:
        raise ValueError(f"{variable} holds no key; write KEY or NAME:KEY, or leave it unset.")
    return keys


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class InFlight:
    """What is being worked on, all in all and by caller; a caller is a key or an address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._share = max(1, int(most * SHARE_OF_ONE))
        self._held: Counter[str] = Counter()
        self._all = 0

    @contextmanager
    def hold(self, callers: Sequence[str]) -> Iterator[None]:
        """Hold one place while the block runs; raises a Problem when there is none, or none left for this caller."""
        if self._all >= self._most:
            raise Problem(503, "overloaded", "The server has all the requests that it can work on.", retry_after=1)
        if any(self._held[caller] >= self._share for caller in callers):
            raise Problem(
                429, "rate-limited", f"One caller may have {self._share} requests in flight; wait for one to end.",
                retry_after=1,
            )  # fmt: skip
        self._all += 1
        self._held.update(callers)
        try:
            yield
        finally:
            self._all -= 1
            self._held.subtract(callers)
            for caller in callers:
                if not self._held[caller]:
                    del self._held[caller]


class Access:
    """The gate: origin, key, rate, size, load, in this order."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: list[ApiKey],
        per_minute: int,
        max_body_bytes: int,
        origins: frozenset[str],
        max_in_flight: int,
    ) -> None:
        self._in_flight = InFlight(max_in_flight)
        # a stream that waits costs little, so there may be more of them
        self._streams = InFlight(4 * max_in_flight)
        self._app = app
        self._keys = keys
        self._buckets = {key.digest: TokenBucket(per_minute) for key in keys}
        self._max_body = max_body_bytes
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with the problem that stops it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_origin(headers)
            self._check_site(scope, headers)
            if not _is_open(scope["path"]) and scope["method"] != "OPTIONS":
                self._check_key(scope, headers)
            self._check_length(headers)
        except Problem as problem:
            await problem_response(problem, scope.get("morpheus.request_id"), scope["path"])(scope, receive, send)
            return
        body = self._counted(receive)
        if _is_open(scope["path"]):
            # whoever looks after the server must get through
            await self._app(scope, body, send)
            return
        places = self._streams if scope["path"].endswith("/events") else self._in_flight
        with places.hold(_callers(scope)):
            await self._app(scope, body, self._telling_limits(scope, send))

    def _telling_limits(self, scope: Scope, send: Send) -> Send:
        """Sends how much of its minute the key has left, too (draft-ietf-httpapi-ratelimit-headers-07)."""
        bucket = self._buckets.get(scope.get("morpheus.key_digest", b""))
        if bucket is None:
            return send

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", []).extend(bucket.headers())
            await send(message)

        return telling

    def _check_origin(self, headers: Headers) -> None:
        host, origins = headers.get("host", ""), headers.getlist("origin")
        if len(headers.getlist("host")) > 1 or (host and not _A_HOST.fullmatch(host)):
            raise Problem(
                400, "invalid-request", "The header Host must be one host name or address, with a port or not."
            )
        if len(origins) > 1 or (origins and origins[0] and not _AN_ORIGIN.fullmatch(origins[0])):
            raise Problem(400, "invalid-request", "The header Origin must be one scheme and host, or `null`.")
        if not self._keys and not is_loopback(urlsplit(f"//{host}").hostname or ""):
            # a name that another site points at 127.0.0.1 would let its pages read the answers
            raise Problem(403, "forbidden", f"Without API keys only this machine is served, not {host!r}.")
        origin = headers.get("origin")
        if origin and origin not in self._origins and urlsplit(origin).netloc != host:
            raise Problem(
                403, "forbidden", f"Web pages of {origin!r} may not call this server (MORPHEUS_API_CORS_ORIGINS)."
            )

    def _check_site(self, scope: Scope, headers: Headers) -> None:
        """A picture, a form or a link of another site sends no `Origin`, or none to be refused: it may cost nothing."""
        site = headers.get("sec-fetch-site", "none")
        costs_nothing = scope["method"] in ("GET", "HEAD", "OPTIONS") and scope["path"] not in COSTLY_GETS
        if site in ("none", "same-origin") or costs_nothing:
            return
        if headers.get("origin") not in self._origins and not _given_key(headers):
            raise Problem(
                403, "forbidden", "Pages of another site may not ask this server (MORPHEUS_API_CORS_ORIGINS)."
            )

    def _check_key(self, scope: Scope, headers: Headers) -> None:
        if not self._keys:
            return
        given = _given_key(headers)
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).digest()
        # every key is compared, in constant time, whichever fits
        fitting = [key for key in self._keys if hmac.compare_digest(key.digest, digest)]
        if not fitting:
            raise Problem(
                401,
                "unauthorized",
                "Send one of the server's API keys as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
                headers={"WWW-Authenticate": 'Bearer realm="morpheus"'},
            )
        scope["morpheus.key_name"] = fitting[0].name
        scope["morpheus.key_digest"] = digest
        scope["morpheus.read_only"] = fitting[0].read_only
        if fitting[0].read_only and not _only_reads(scope):
            raise Problem(403, "forbidden", "This key may only read (MORPHEUS_API_READ_KEYS).")
        wait = self._buckets[digest].take()
        if wait:
            bucket = self._buckets[digest]
            raise Problem(
                429, "rate-limited", f"This key may make {bucket.per_minute} requests a minute.", retry_after=wait
            )

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > self._max_body:
            raise self._too_large()

    def _too_large(self) -> Problem:
        return Problem(
            413, "too-large", f"The body may have {self._max_body:,} bytes (MORPHEUS_API_MAX_BODY_BYTES).",
            fields={"body": f"More than {self._max_body:,} bytes."},
        )  # fmt: skip

    def _counted(self, receive: Receive) -> Receive:
        """A body without a stated length is counted while it comes in, and one that hardly comes is given up."""
        received, waited, complete = 0, 0.0, False

        async def counting() -> Message:
            nonlocal received, waited, complete
            if complete:
                # what comes now is that the client went away, whenever that is
                return await receive()
            begun = time.monotonic()
            try:
                async with asyncio.timeout(BODY_SECONDS + received / _LEAST_BYTES_PER_SECOND - waited) as patience:
                    message = await receive()
            except TimeoutError:
                if not patience.expired():
                    raise
                raise Problem(
                    408, "timeout", "The body came too slowly; send it again, at once.", headers={"Connection": "close"}
                ) from None
            waited += time.monotonic() - begun
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if received > self._max_body:
                    raise self._too_large()
            return message

        return counting


def _given_key(headers: Headers) -> str:
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (bearer if scheme.lower() == "bearer" else "")


def _callers(scope: Scope) -> list[str]:
    """Names of the one who calls: the key, and the address unless everybody has it (this machine, a proxy on it)."""
    key, (address, *_) = scope.get("morpheus.key_name"), scope.get("client") or ("",)
    names = [f"key {key}"] if key else []
    return names + ([] if not address or is_loopback(address) else [f"address {address}"])


def _only_reads(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD", "OPTIONS") or scope["path"] in READING_POSTS


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)
