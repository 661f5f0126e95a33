"""A provider that answers 429: what one question does to the budget that every process shares, from either face."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from morpheus_assets.cli.search import Searching
from morpheus_assets.settings import Settings
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.waiting import eventually

PASSAGE = "The lighthouse keeper counted the ships before dawn."
QUESTION = "Who counted the ships?"


@pytest.fixture
def ask(
    request: pytest.FixtureRequest,
    engine: Engine,
    make_settings: Callable[..., Settings],
    start_api: Callable[..., Api],
) -> Callable[..., str]:
    """Ask QUESTION by the command line or by the API, with the provider's options; gives the first hit's novel."""

    def by_command_line(**provider: object) -> str:
        settings = make_settings(provider)
        return Searching(settings, engine).passages(QUESTION, mode="vector", k=1).hits[0].novel

    def by_api(**provider: object) -> str:
        answer = start_api(provider).search(q=QUESTION, kind="text")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["passages"][0]["novel"])

    return {"command line": by_command_line, "api": by_api}[request.param]


both_faces = pytest.mark.parametrize("ask", ["command line", "api"], indirect=True)


@both_faces
def test_a_query_answered_429_gives_its_booking_back_and_pauses_the_shared_budget(
    ask: Callable[..., str], add_embedded: Callable[..., list[bytes]], sql: Callable[..., list[tuple]], provider_server
):
    add_embedded("emma", [PASSAGE])
    provider_server.reset()

    assert ask(script="429", retry_after="1.5") == "emma"

    charged = provider_server.stats()["tokens"]
    assert provider_server.stats()["statuses"] == {"429": 1, "200": 1}
    # the API corrects its bookings within a second
    assert eventually(lambda: booked(sql) == (2, charged)), (booked(sql), charged)
    [(provider, paused)] = sql("SELECT provider, paused_until IS NOT NULL FROM rate_limits")
    assert (provider, paused) == ("openai", True)


def booked(sql: Callable[..., list[tuple]]) -> tuple[int, int]:
    """Requests and tokens that the shared budget counts."""
    [(recent,)] = sql("SELECT recent FROM rate_limits")
    return int(sum(slot[1] for slot in recent)), int(sum(slot[2] for slot in recent))
