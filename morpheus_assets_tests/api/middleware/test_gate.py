"""The gate by itself, around an application that answers everything; test_access.py has the whole server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from morpheus_assets.api.middleware import access
from morpheus_assets.api.middleware.access import Access, InFlight, TokenBucket, is_loopback, read_keys
from morpheus_assets.api.problems import Problem
from morpheus_assets_tests.fixtures.waiting import JumpingLoop

KEY, OTHER, READER = "alpha-key-0123456789", "beta-key-0123456789", "reading-key-0123456789"


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Gate:
    """Asks the gate once a call, and keeps what came out: the status, the headers, the document and the scope."""

    def __init__(self, **changes: Any) -> None:
        given: dict[str, Any] = {
            "keys": [], "per_minute": 60, "max_body_bytes": 100, "origins": frozenset(), "max_in_flight": 4,
        }  # fmt: skip
        self.app: Callable[..., Awaitable[None]] = self._answer
        self.access = Access(lambda *call: self.app(*call), **{**given, **changes})
        self.scope: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.document: dict[str, Any] = {}

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"{}"})

    async def call(
        self, path: str = "/api/novels", *, method: str = "GET", client: str | None = "127.0.0.1",
        pieces: tuple[bytes, ...] = (b"",), host: str | None = "127.0.0.1", **headers: str,
    ) -> int:  # fmt: skip
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        if host is not None:
            named.append((b"host", host.encode()))
        self.scope = {
            "type": "http", "method": method, "path": path, "headers": named, "query_string": b"",
            "client": client and (client, 1),
        }  # fmt: skip
        sent: list[dict[str, Any]] = []
        waiting = list(pieces)

        async def receive() -> dict[str, Any]:
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        try:
            await self.access(self.scope, receive, send)
        except Problem as problem:
            return problem.status
        self.headers = {name.decode(): value.decode() for name, value in sent[0].get("headers", [])}
        self.document = json.loads(b"".join(message.get("body", b"") for message in sent[1:]) or b"{}")
        return int(sent[0]["status"])

    def ask(self, path: str = "/api/novels", **given: Any) -> int:
        return asyncio.run(self.call(path, **given))


def test_a_minutes_requests_may_come_by_ten_seconds_worth_at_once_and_come_back_evenly(clock: Clock):
    bucket = TokenBucket(60, at=clock.now)
    assert [bucket.take() for _ in range(10)] == [0.0] * 10
    assert bucket.take() == pytest.approx(1.0)
    clock.now += 0.75
    assert bucket.take() == pytest.approx(0.25)
    clock.now += 0.25
    assert bucket.take() == 0.0
    clock.now += 3600
    assert [bucket.take() for _ in range(11)][9:] == [0.0, pytest.approx(1.0)]


def test_a_key_with_few_requests_a_minute_may_still_make_one_at_once(clock: Clock):
    bucket = TokenBucket(3, at=clock.now)
    assert (bucket.take(), bucket.take()) == (0.0, pytest.approx(20.0))


def test_what_is_left_of_a_minute_is_told_as_it_is_at_that_moment(clock: Clock):
    bucket = TokenBucket(60, at=clock.now)

    def told() -> list[int]:
        return [int(value) for _, value in bucket.headers()]

    assert [name for name, _ in bucket.headers()] == [b"ratelimit-limit", b"ratelimit-remaining", b"ratelimit-reset"]
    assert told() == [10, 10, 0]
    for _ in range(4):
        bucket.take()
    assert told() == [10, 6, 4]
    clock.now += 1.5
    assert told() == [10, 7, 3]
    clock.now += 60
    assert told() == [10, 10, 0]


def test_keys_without_a_name_are_numbered_by_their_place():
    named = read_keys(f"{KEY}, ,carol:{OTHER}")
    assert [(key.name, key.read_only) for key in named] == [("key 1", False), ("carol", False)]
    assert [key.read_only for key in read_keys(KEY, read_only=True)] == [True]
    assert read_keys(None) == []
    assert [key.name for key in read_keys("a:" + "k" * 16)] == ["a"]
    with pytest.raises(ValueError, match="15 characters"):
        read_keys("k" * 15)
    with pytest.raises(ValueError, match="THE_KEYS: key 2"):
        read_keys(f"a:{KEY},:{OTHER}", variable="THE_KEYS")
    with pytest.raises(ValueError, match="THE_KEYS holds no key"):
        read_keys(" , ", variable="THE_KEYS")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_machine_is_known_by_each_of_its_names(host: str):
    assert is_loopback(host)
    assert Gate().ask(host=f"[{host}]:80" if host == "::1" else host) == 200


@pytest.mark.parametrize("host", ["10.0.0.1", "example.org", "localhost.example.org", "0.0.0.0", ""])
def test_another_machine_is_not_taken_for_this_one(host: str):
    assert not is_loopback(host)
    assert Gate().ask(host=host) == 403


def test_of_what_may_be_in_flight_one_caller_holds_half_and_all_together_no_more(subtests: pytest.Subtests):
    for most, share in ((1, 1), (2, 1), (4, 2), (9, 4)):
        with subtests.test(most=most):
            places = InFlight(most)
            held = [places.hold(["key a"]) for _ in range(share)]
            for place in held:
                place.__enter__()
            if share < most:
                with pytest.raises(Problem) as refused, places.hold(["address b", "key a"]):
                    raise AssertionError("no place is left for a")
                assert (refused.value.status, refused.value.kind) == (429, "rate-limited")
                with places.hold(["address b"]):
                    pass
            others = [places.hold([]) for _ in range(most - share)]
            for place in others:
                place.__enter__()
            with pytest.raises(Problem) as full, places.hold(["c"]):
                raise AssertionError("no place is left at all")
            assert (full.value.status, full.value.kind) == (503, "overloaded")
            for place in [*held, *others]:
                place.__exit__(None, None, None)
            with places.hold(["key a"]):
                assert places._held == {"key a": 1}
            assert not places._held, "who holds nothing is forgotten"


def test_a_caller_is_its_key_and_its_address_but_for_this_machines_own():
    gate = Gate(keys=read_keys(f"alice:{KEY},bob:{OTHER}"), max_in_flight=4)
    held: list[set[str]] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        held.append(set(gate.access._in_flight._held))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    gate.app = answer
    for client in ("10.0.0.9", "127.0.0.1", None):
        assert gate.ask(client=client, x_api_key=KEY) == 200
    assert held == [{"key alice", "address 10.0.0.9"}, {"key alice"}, {"key alice"}]


def test_one_key_from_two_addresses_and_two_keys_from_one_have_one_share_each():
    gate = Gate(keys=read_keys(f"alice:{KEY},bob:{OTHER}"), max_in_flight=4)

    async def many(*calls: dict[str, str]) -> list[int]:
        release = asyncio.Event()

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            await release.wait()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        gate.app = answer
        tasks = [asyncio.create_task(Gate.call(gate, **each)) for each in calls]
        asyncio.get_running_loop().call_later(1, release.set)
        return list(await asyncio.gather(*tasks))

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        one_key = runner.run(many(*({"client": f"10.0.0.{n}", "x_api_key": KEY} for n in range(3))))
        assert one_key == [200, 200, 429]
        one_address = runner.run(many(*({"client": "10.0.0.1", "x_api_key": key} for key in (KEY, OTHER, OTHER))))
        assert one_address == [200, 200, 429]


def test_streams_have_places_of_their_own_and_more_of_them():
    gate = Gate(max_in_flight=1)

    async def nested(scope: Any, receive: Any, send: Any) -> None:
        places = gate.access._streams if scope["path"].endswith("/events") else gate.access._in_flight
        assert (places._all, places._most) == ((1, 4) if scope["path"].endswith("/events") else (1, 1))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    gate.app = nested
    assert [gate.ask("/api/jobs/abc/events"), gate.ask("/api/jobs/abc")] == [200, 200]


def test_an_open_path_is_served_although_nothing_is_free_and_no_key_is_given():
    gate = Gate(keys=read_keys(KEY), max_in_flight=0)
    assert [gate.ask(path) for path in ("/", "/healthz", "/readyz", "/page/search.js")] == [200] * 4
    assert gate.ask(x_api_key=KEY) == 503
    assert [gate.ask(path) for path in ("/metrics", "/pages", "/healthz/x")] == [401] * 3


def test_a_preflight_needs_no_key():
    assert Gate(keys=read_keys(KEY)).ask(method="OPTIONS") == 200


@pytest.mark.parametrize("given", [KEY, f" {KEY} "])
@pytest.mark.parametrize("header", ["x_api_key", "Bearer", "bearer"])
def test_a_key_is_taken_from_either_header_with_blanks_around_it(given: str, header: str):
    gate = Gate(keys=read_keys(f"bob:{OTHER},alice:{KEY}"))
    headers = {"x_api_key": given} if header == "x_api_key" else {"authorization": f"{header} {given}"}
    assert gate.ask(**headers) == 200
    assert (gate.scope["morpheus.key_name"], gate.scope["morpheus.read_only"]) == ("alice", False)


def test_each_key_spends_its_own_minute_and_is_told_it(clock: Clock):
    gate = Gate(keys=read_keys(f"{KEY},{OTHER}"), per_minute=12)
    for bucket in gate.access._buckets.values():
        bucket.at = clock.now
    assert [gate.ask(x_api_key=KEY) for _ in range(3)] == [200, 200, 429]
    assert (gate.headers["retry-after"], gate.document["type"]) == ("5", "urn:morpheus:problem:rate-limited")
    assert gate.ask(x_api_key=OTHER) == 200
    assert (gate.headers["ratelimit-limit"], gate.headers["ratelimit-remaining"]) == ("2", "1")
    assert gate.ask("/healthz") == 200
    assert "ratelimit-limit" not in gate.headers
    assert Gate().ask() == 200


READS = [
    ("GET", "/api/novels"), ("HEAD", "/api/novels"), ("POST", "/api/embeddings/search"), ("POST", "/mcp"),
    ("POST", "/api/embeddings/searches"), ("POST", "/api/embeddings/text"), ("POST", "/v1/embeddings"),
]  # fmt: skip


def test_a_key_that_may_only_read_reads(subtests: pytest.Subtests):
    gate = Gate(keys=read_keys(READER, read_only=True), per_minute=6000)
    for method, path in READS:
        with subtests.test(method=method, path=path):
            assert gate.ask(path, method=method, x_api_key=READER) == 200
            assert gate.scope["morpheus.read_only"] is True
    for method, path in (("POST", "/api/novels"), ("PUT", "/api/novels"), ("DELETE", "/api/embeddings/search/x")):
        with subtests.test(method=method, path=path):
            assert gate.ask(path, method=method, x_api_key=READER) == 403


@pytest.mark.parametrize(("stated", "status"), [("100", 200), ("101", 413), ("1e9", 200), ("-5", 200), ("²", 200)])
def test_a_stated_length_is_held_to_the_most(stated: str, status: int):
    assert Gate().ask(method="POST", content_length=stated) == status


@pytest.mark.parametrize(("pieces", "status"), [((b"x" * 100,), 200), ((b"x" * 60, b"x" * 40), 200),
                                                ((b"x" * 60, b"x" * 41), 413)])  # fmt: skip
def test_an_unstated_length_is_counted(pieces: tuple[bytes, ...], status: int):
    assert Gate().ask(method="POST", pieces=pieces) == status


def test_the_time_for_a_body_is_for_all_of_it_and_grows_with_what_came(monkeypatch: pytest.MonkeyPatch):
    gate = Gate(max_body_bytes=10**6)
    length = access.BODY_SECONDS

    async def take(*pieces: tuple[float, bytes]) -> str:
        waiting = list(pieces)

        async def receive() -> dict[str, Any]:
            seconds, body = waiting.pop(0)
            await asyncio.sleep(seconds)
            return {"type": "http.request", "body": body, "more_body": bool(waiting)}

        counted = gate.access._counted(receive)
        try:
            for _ in pieces:
                await counted()
        except Problem as problem:
            return problem.kind
        return "whole"

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=runner.get_loop().time))
        assert runner.run(take((0.4 * length, b"a"), (0.4 * length, b"a"))) == "whole"
        assert runner.run(take((0.6 * length, b"a"), (0.6 * length, b"a"))) == "timeout"
        assert runner.run(take((0.6 * length, b"a" * 200_000), (0.6 * length, b"a"))) == "whole"


def test_what_comes_after_the_whole_body_may_take_for_ever():
    async def take() -> str:
        messages = [{"type": "http.request", "body": b"a"}, {"type": "http.disconnect"}]

        async def receive() -> dict[str, Any]:
            if len(messages) == 1:
                await asyncio.sleep(10_000)
            return messages.pop(0)

        counted = Gate().access._counted(receive)
        return [await counted(), await counted()][1]["type"]

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(take()) == "http.disconnect"


SITES = [
    # (method, path, site, headers, status)
    ("GET", "/api/embeddings/search", "cross-site", {}, 403),
    ("HEAD", "/api/embeddings/search", "same-site", {}, 403),
    ("GET", "/api/embeddings/search", "same-origin", {}, 200),
    ("GET", "/api/embeddings/search", "none", {}, 200),
    ("GET", "/api/novels", "cross-site", {}, 200),
    ("POST", "/api/novels", "cross-site", {}, 403),
    ("OPTIONS", "/api/novels", "cross-site", {}, 200),
    ("POST", "/api/novels", "cross-site", {"origin": "https://friend.example"}, 200),
    ("POST", "/api/novels", "cross-site", {"origin": "http://127.0.0.1"}, 403),
    ("POST", "/api/novels", "cross-site", {"x_api_key": "whatever"}, 200),
]


@pytest.mark.parametrize(("method", "path", "site", "headers", "status"), SITES)
def test_another_sites_page_may_cost_nothing(method: str, path: str, site: str, headers: dict[str, str], status: int):
    gate = Gate(origins=frozenset({"https://friend.example"}))
    assert gate.ask(path, method=method, sec_fetch_site=site, **headers) == status


ORIGINS = [("https://friend.example", 200), ("https://evil.example", 403), ("http://127.0.0.1", 200), ("null", 403),
           ("http://127.0.0.1:81", 403), ("", 200), ("rubbish", 400), ("http://a/b", 400)]  # fmt: skip


@pytest.mark.parametrize(("origin", "status"), ORIGINS)
def test_only_pages_of_the_server_and_of_named_origins_may_call(origin: str, status: int):
    assert Gate(origins=frozenset({"https://friend.example"})).ask(origin=origin) == status


@pytest.mark.parametrize(("host", "status"), [
    ("books.example", 200), ("books.example:443", 200), ("[2001:db8::1]:80", 200), (None, 200), ("", 200),
    ("a b", 400), ("books.example:", 400), ("books.example:123456", 400), ("[::1", 400), ("a@b", 400),
])  # fmt: skip
def test_with_keys_any_host_is_served_that_is_one(host: str | None, status: int):
    assert Gate(keys=read_keys(KEY)).ask(host=host, x_api_key=KEY) == status


def test_what_is_no_request_passes():
    passed: list[str] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    gate = Gate(keys=read_keys(KEY))
    gate.app = answer
    asyncio.run(gate.access({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert passed == ["lifespan"]
