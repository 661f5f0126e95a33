import socket
import time
from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner

from morpheus_assets.api.middleware.access import read_keys
from morpheus_assets.api.server import serve
from morpheus_assets.cli.main import main
from morpheus_assets.services.connections import StartFailed
from morpheus_assets.settings import load_settings
from morpheus_assets.store.accounts.provider_keys import KeyUnusable
from morpheus_assets_tests.api.conftest import Api

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
    statuses = {path: guarded.client.get(path).status_code for path in ("/", "/page/search.js", "/healthz", "/readyz")}
    assert set(statuses.values()) == {200}
    assert guarded.client.get("/metrics").status_code == 401


def test_only_digests_of_keys_are_kept():
    assert KEY not in repr(read_keys(f"alice:{KEY}"))


def test_each_key_has_its_own_rate_and_is_told_when_to_come_again(start_api: Callable[..., Api]):
    api = start_api(api_keys=f"{KEY},{OTHER}", api_requests_per_minute=60)
    mine = {"x-api-key": KEY}
    statuses = [api.client.get("/api/novels", headers=mine).status_code for _ in range(14)]
    assert statuses.count(200) in (10, 11)
    refused = api.client.get("/api/novels", headers=mine)
    assert refused.status_code == 429
    assert api.client.get("/api/novels", headers={"x-api-key": OTHER}).status_code == 200
    time.sleep(int(refused.headers["retry-after"]))
    assert api.client.get("/api/novels", headers=mine).status_code == 200


def test_a_large_body_is_refused_by_its_stated_length_before_it_is_sent(start_api: Callable[..., Api]):
    api = start_api(api_max_body_bytes=1000)
    port = httpx.URL(api.url).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as connection:
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
    api = start_api({"fault": "slow", "delay": 5}, api_timeout_seconds=0.5)
    started = time.monotonic()
    answer = api.text("a ship")
    assert answer.status_code == 504
    assert time.monotonic() - started < 2


SECRETS = [
    "MORPHEUS_API_KEYS", "OPENAI_API_KEY", "VOYAGE_API_KEY", "MORPHEUS_MASTER_KEY", "MORPHEUS_PREVIOUS_MASTER_KEY",
    "MORPHEUS_REMOTE_CLIP_API_KEY", "MORPHEUS_DATABASE_URL", "MORPHEUS_REDIS_URL", "MORPHEUS_CELERY_BROKER",
]  # fmt: skip


@pytest.mark.parametrize("blank", [" , ", "\t", '""', ",,", ":"])
def test_a_blank_secret_is_refused_at_the_start_in_a_sentence_that_names_its_variable(
    blank: str, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
):
    for variable in SECRETS:
        with subtests.test(variable=variable), monkeypatch.context() as environment:
            load_settings.cache_clear()
            environment.setenv(variable, blank)
            refused = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0", "--port", "1"])
            assert refused.exit_code == 1
            [line] = refused.output.splitlines()
            assert line.startswith(f"Error: {variable} is wrong: ")
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
