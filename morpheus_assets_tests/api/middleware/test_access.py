import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner

from morpheus_assets.api import server
from morpheus_assets.api.middleware import access
from morpheus_assets.api.middleware.access import read_keys
from morpheus_assets.api.server import serve
from morpheus_assets.cli.main import main
from morpheus_assets.services.connections import StartFailed
from morpheus_assets.settings import load_settings
from morpheus_assets.store.accounts.provider_keys import KeyUnusable
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import ManualClock, eventually

KEY, OTHER = "alpha-key-0123456789", "beta-key-0123456789"


@pytest.fixture
def guarded(start_api: Callable[..., Api]) -> Api:
    return start_api(api_keys=f"alice:{KEY},{OTHER}")


def test_without_keys_no_other_machine_is_served(make_settings: Callable):
    with pytest.raises(StartFailed, match="MORPHEUS_API_KEYS"):
        serve(make_settings(), print, host="0.0.0.0", port=1)


def test_a_short_key_is_refused_at_the_start(make_settings: Callable):
    with pytest.raises(StartFailed, match="16 or more"):
        serve(make_settings(api_keys="hunter2"), print)


def test_a_taken_port_is_one_sentence(make_settings: Callable):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StartFailed, match="MORPHEUS_API_PORT"):
            serve(make_settings(), print, port=taken.getsockname()[1])


def test_each_key_lets_in_by_either_header_and_nothing_else_does(guarded: Api, subtests: pytest.Subtests):
    for headers in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": OTHER}):
        assert guarded.client.get("/api/novels", headers=headers).status_code == 200
    wrong = [("x", ""), ("authorization", "Bearer wrong"), ("authorization", f"Basic {KEY}"),
             ("x-api-key", KEY[:-1]), ("x-api-key", "é")]  # fmt: skip
    for name, value in wrong:
        with subtests.test(name=name, value=value):
            answer = guarded.client.get("/api/novels", headers=[(name.encode(), value.encode())])
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert KEY not in answer.text


def test_the_page_and_the_health_checks_need_no_key_but_the_metrics_do(guarded: Api):
    # not before its models are loaded
    assert eventually(lambda: guarded.client.get("/readyz").status_code == 200)
    statuses = {path: guarded.client.get(path).status_code for path in ("/", "/page/search.js", "/healthz")}
    assert set(statuses.values()) == {200}
    assert guarded.client.get("/metrics").status_code == 401


def test_only_digests_of_keys_are_kept():
    assert KEY not in repr(read_keys(f"alice:{KEY}"))


def test_each_key_has_its_own_rate_and_is_told_when_to_come_again(
    start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
):
    api = start_api(api_keys=f"{KEY},{OTHER}", api_requests_per_minute=60)
    clock = ManualClock(time.monotonic())
    monkeypatch.setattr(access, "time", clock)
    mine = {"x-api-key": KEY}
    statuses = [api.client.get("/api/novels", headers=mine).status_code for _ in range(14)]
    assert statuses.count(200) == 10
    refused = api.client.get("/api/novels", headers=mine)
    assert refused.status_code == 429
    assert api.client.get("/api/novels", headers={"x-api-key": OTHER}).status_code == 200
    clock.now += int(refused.headers["retry-after"])
    assert api.client.get("/api/novels", headers=mine).status_code == 200


def test_a_large_body_is_refused_by_its_stated_length_before_it_is_sent(start_api: Callable[..., Api]):
    api = start_api(api_max_body_bytes=1000)
    port = httpx.URL(api.url).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=100) as connection:
        connection.sendall(
            f"POST /api/embeddings/text HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            "Content-Length: 100000000\r\n\r\n".encode()
        )
        assert b" 413 " in connection.recv(4096)


def test_a_large_body_of_unstated_length_is_refused_while_it_comes(start_api: Callable[..., Api]):
    api = start_api(api_max_body_bytes=1000)
    answer = api.client.post(
        "/api/embeddings/text", content=(b"x" * 400 for _ in range(10)), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["field"] == "body"


def test_a_page_of_another_origin_may_not_call_unless_it_is_named(start_api: Callable[..., Api]):
    foreign = {"origin": "https://evil.example"}
    assert start_api().client.post("/api/jobs", headers=foreign).status_code == 403
    allowed = start_api(api_cors_origins="https://evil.example").client.get("/api/novels", headers=foreign)
    assert allowed.headers["access-control-allow-origin"] == "https://evil.example"
    assert "access-control-allow-origin" not in start_api().client.get("/healthz").headers


def test_a_foreign_name_that_points_at_this_machine_is_not_served(api: Api):
    assert api.client.get("/api/novels", headers={"host": "rebound.example"}).status_code == 403


def test_a_request_that_takes_too_long_ends_with_504(start_api: Callable[..., Api]):
    api = start_api({"fault": "slow", "delay": 500}, api_timeout_seconds=0.5)
    assert api.text("a ship").status_code == 504


SECRETS = [
    "MORPHEUS_API_KEYS", "OPENAI_API_KEY", "VOYAGE_API_KEY", "MORPHEUS_MASTER_KEY", "MORPHEUS_PREVIOUS_MASTER_KEY",
    "MORPHEUS_REMOTE_CLIP_API_KEY", "MORPHEUS_DATABASE_URL", "MORPHEUS_REDIS_URL", "MORPHEUS_CELERY_BROKER",
]  # fmt: skip


@pytest.mark.parametrize("blank", [" , ", "\t", '""', ",,", ":"])
def test_a_blank_secret_is_refused_at_the_start_in_a_sentence_that_names_its_variable(
    blank: str, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests, fault_row: FaultRow
):
    for variable in SECRETS:
        with subtests.test(variable=variable), monkeypatch.context() as environment:
            load_settings.cache_clear()
            environment.setenv(variable, blank)
            refused = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0", "--port", "1"])
            assert refused.exit_code == 1
            [line] = refused.output.splitlines()
            assert line.startswith(f"Error: {variable} is wrong: ")
            if variable == SECRETS[0]:
                fault_row(f"MORPHEUS_API_KEYS={blank!r} on 0.0.0.0", sentence=line)
    load_settings.cache_clear()


@pytest.mark.parametrize("keys", [f":{KEY}", f" :{KEY}", f"alice:{KEY}, :{OTHER}", "alice:", " , "])
def test_keys_without_a_name_or_without_a_key_are_refused_not_left_out(keys: str):
    with pytest.raises(ValueError, match="MORPHEUS_API_KEYS"):
        read_keys(keys)


def test_blanks_around_names_and_keys_are_no_part_of_them():
    assert read_keys(f" alice : {KEY} ,") == read_keys(f"alice:{KEY}")


def test_what_is_no_master_key_ends_the_start(make_settings: Callable):
    with pytest.raises(KeyUnusable, match="MORPHEUS_MASTER_KEY"):
        serve(make_settings(master_key="rubbish"), print)


def raw(api: Api, request: str | bytes, timeout: float = 100) -> bytes:
    """What the server answers to these bytes, until it ends the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", httpx.URL(api.url).port or 0), timeout=timeout) as connection:
        connection.sendall(request if isinstance(request, bytes) else request.encode())
        while piece := connection.recv(65536):
            answer += piece
    return answer


MALFORMED = [
    "Host: [", "Host: [::1", "Host: a b", "Host: evil@127.0.0.1", "Host: 127.0.0.1:port", "Host: 127.0.0.1/x",
    "Host: 127.0.0.1\r\nHost: evil.example", "Host: 127.0.0.1\r\nOrigin: http://[", "Host: 127.0.0.1\r\nOrigin: //",
    "Host: 127.0.0.1\r\nOrigin: http://a b", "Host: 127.0.0.1\r\nOrigin: http://a\r\nOrigin: http://b",
]  # fmt: skip


def test_malformed_hosts_and_origins_are_the_callers_fault(start_api: Callable[..., Api], subtests: pytest.Subtests):
    for api in (start_api(), start_api(api_keys=KEY)):
        for headers in MALFORMED:
            with subtests.test(headers=headers, keys=api.settings.api_keys is not None):
                answer = raw(api, f"GET /api/novels HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n")
                assert answer.startswith(b"HTTP/1.1 400 ")


def test_the_page_of_an_unnamed_origin_is_refused_as_before(api: Api):
    assert api.client.get("/api/novels", headers={"origin": "null"}).status_code == 403
    assert api.client.get("/api/novels", headers={"origin": "http://[::1]:9"}).status_code == 403


COSTLY = [
    ("GET", "/api/embeddings/search?q=ship"), ("POST", "/api/embeddings/text"), ("POST", "/api/embeddings/search"),
    ("POST", "/api/embeddings/image"), ("POST", "/api/embeddings/batch"), ("POST", "/api/jobs"),
    ("DELETE", "/api/jobs/abcdefgh"),
]  # fmt: skip


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_picture_or_form_of_another_site_spends_no_tokens(
    api: Api,
    provider_server: ProviderServer,
    add_embedded: Callable,
    site: str,
    subtests: pytest.Subtests,
    fault_row: FaultRow,
):
    add_embedded("alpha", ["A ship came home."])
    for method, path in COSTLY:
        with subtests.test(method=method, path=path):
            answer = api.client.request(method, path, headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"})
            assert answer.status_code == 403
    asked = provider_server.stats(api.provider_url)["requests"]
    assert asked == 0
    fault_row(f"a picture or form of another page ({site}) asks", sentence=answer.json()["detail"], paid_twice=asked)
    assert api.client.get("/", headers={"sec-fetch-site": site}).status_code == 200, "a link to the page is one"


def test_the_own_page_a_named_origin_and_a_key_may_ask_from_wherever(start_api: Callable[..., Api]):
    site = {"sec-fetch-site": "cross-site"}
    api = start_api(api_cors_origins="https://friend.example")
    for headers in ({"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {},
                    {**site, "origin": "https://friend.example"}):  # fmt: skip
        assert api.client.get("/api/embeddings/search?q=a", headers=headers).status_code == 200
    guarded = start_api(api_keys=KEY)
    assert guarded.client.get("/api/embeddings/search?q=a", headers={**site, "x-api-key": KEY}).status_code == 200


def test_no_answer_may_be_taken_for_another_kind(api: Api, subtests: pytest.Subtests):
    for path in ("/", "/page/search.js", "/healthz", "/metrics", "/openapi.json", "/api/novels", "/api/nothing",
                 "/api/embeddings/search"):  # fmt: skip
        with subtests.test(path=path):
            assert api.client.get(path).headers.get_list("x-content-type-options") == ["nosniff"]


def test_an_unknown_parameter_is_named_and_not_passed_over(api: Api, subtests: pytest.Subtests):
    for path in ("/api/embeddings/search?q=a&min_similarty=0.9", "/api/novels?page=2", "/api/jobs/abcdefgh?x=1"):
        with subtests.test(path=path):
            answer = api.client.get(path)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] in ("min_similarty", "page", "x")
    assert api.client.get("/?q=ship&kind=text").status_code == 200
    assert api.client.get("/healthz?t=1").status_code == 200


def test_one_key_cannot_hold_all_that_may_be_in_flight(
    start_api: Callable[..., Api], provider_server: ProviderServer, fault_row: FaultRow
):
    # none is answered before the fifth comes, and that is none of this key's
    api = start_api({"together": 5}, api_keys=f"{KEY},{OTHER}", api_max_in_flight=8)
    statuses = []

    def ask(number: int) -> None:
        answer = httpx.post(
            f"{api.url}/api/embeddings/text", json={"input": f"text {number}"}, headers={"x-api-key": KEY}, timeout=100
        )
        statuses.append((answer.status_code, answer.headers.get("retry-after")))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: provider_server.stats(api.provider_url).get("in_flight") == 4 and len(statuses) == 8)
    assert api.client.get("/api/novels", headers={"x-api-key": OTHER}).status_code == 200
    refused = api.client.get("/api/novels", headers={"x-api-key": KEY})
    assert refused.status_code == 429
    fault_row("one key asks twelve times at once of a provider that hangs", sentence=refused.json()["detail"])
    provider_server.ask(api.provider_url)
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [(200, None)] * 4 + [(429, "1")] * 8
    assert api.client.get("/api/novels", headers={"x-api-key": KEY}).status_code == 200, "its places are free again"


@pytest.mark.parametrize("keys", [None, KEY])
def test_a_body_that_hardly_comes_is_given_up_and_gives_its_place_back(
    start_api: Callable[..., Api], keys: str | None, monkeypatch: pytest.MonkeyPatch, fault_row: FaultRow
):
    monkeypatch.setattr(access, "BODY_SECONDS", 1.0)
    api = start_api(api_keys=keys, api_max_in_flight=1)
    head = f"POST /api/embeddings/text HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {KEY}\r\nContent-Length: 100\r\n\r\n"
    started = time.monotonic()
    answer = raw(api, head + '{"input": ')
    took = time.monotonic() - started
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 0.9 < took < 50, "longer than one second, and not as long as a request may take"
    said = json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]
    fault_row("a body of which ten bytes come, given one second", sentence=said, seconds=took)
    assert api.client.get("/api/novels", headers={"x-api-key": KEY}).status_code == 200


@pytest.mark.parametrize("keys", [None, KEY])
def test_half_sent_headers_and_silent_connections_are_ended(
    start_api: Callable[..., Api], keys: str | None, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
):
    monkeypatch.setattr(server, "HEADER_SECONDS", 1.0)
    api = start_api(api_keys=keys)
    half, whole = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for sent, status in (("", b""), (half, b"HTTP/1.1 408 ")):
        with subtests.test(sent=sent):
            started = time.monotonic()
            assert raw(api, sent).startswith(status)
            assert 0.9 < time.monotonic() - started < 50
    with socket.create_connection(("127.0.0.1", httpx.URL(api.url).port or 0), timeout=100) as connection:
        connection.sendall(whole.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        started = time.monotonic()
        # a byte now and then, for three times as long, keeps no connection alive
        with pytest.raises(ConnectionError):  # noqa: PT012
            for byte in half + "a" * 100:
                connection.sendall(byte.encode())
                time.sleep(0.05)
        assert time.monotonic() - started > 0.9


def test_headers_without_end_are_ended_by_their_size(api: Api):
    with socket.create_connection(("127.0.0.1", httpx.URL(api.url).port or 0), timeout=100) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 2_000_000:
                connection.sendall(b"X-A: " + b"a" * 8000 + b"\r\n")
                sent += 8000
                time.sleep(0.01)
        assert sent < 1_000_000


def test_a_key_is_told_how_much_of_its_minute_is_left(start_api: Callable[..., Api]):
    key = "a-key-of-sixteen-letters"
    api = start_api(api_keys=key, api_requests_per_minute=60)
    told = [api.client.get("/api/novels", headers={"X-API-Key": key}).headers for _ in range(2)]
    assert [headers["RateLimit-Limit"] for headers in told] == ["10", "10"]
    assert int(told[0]["RateLimit-Remaining"]) - int(told[1]["RateLimit-Remaining"]) in (0, 1)
    assert int(told[1]["RateLimit-Remaining"]) <= 9
    assert 1 <= int(told[1]["RateLimit-Reset"]) <= 60
    assert "RateLimit-Limit" not in api.client.get("/healthz").headers


def test_a_key_that_may_only_read_searches_and_embeds_and_changes_nothing(start_api: Callable[..., Api]):
    reading, all_of_it = "a-key-that-only-reads", "a-key-of-sixteen-letters"
    api = start_api(api_keys=all_of_it, api_read_keys=f"visitor:{reading}")
    api.client.headers["X-API-Key"] = reading
    assert api.search(q="a ship").status_code == 200
    assert api.text("a ship").status_code == 200
    refused = [
        api.client.post("/api/jobs", json={"inputs": ["a ship"]}),
        api.client.post("/api/novels", files={"file": ("a.txt", b"x")}),
        api.client.delete(f"/api/embeddings/{'0' * 64}"),
        api.client.post("/api/embeddings/image", files={"file": ("a.png", b"x")}),
        api.text("a ship", store=True),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    assert all("MORPHEUS_API_READ_KEYS" in answer.json()["detail"] for answer in refused)
    api.client.headers["X-API-Key"] = all_of_it
    assert api.text("a ship", store=True).status_code == 200
