"""Searches with a reranker behind a real connection: its order, its cost, and what is shown when it does not answer."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from morpheus_assets.cli.search import Searching
from morpheus_assets.settings import Settings
from morpheus_assets_tests.defs.model_change import OLD_KEY, add_novel, fill, make_settings
from morpheus_assets_tests.fixtures.native_servers import KEY, NativeServer, running_native
from morpheus_assets_tests.fixtures.provider import ProviderServer

BODIES = [
    "The ship came home, the ship, the ship. ",
    "Late in the evening the ship came home to the harbour. ",
    "A lantern burns in the garden by the river. ",
]
QUESTION = "late evening harbour ship home"


@pytest.fixture
def server() -> Iterator[NativeServer]:
    with running_native("voyage_rerank") as started:
        yield started


@pytest.fixture
def settings(
    engine: Engine, database_url: str, provider_server: ProviderServer, server: NativeServer, tmp_path: Path
) -> Settings:
    add_novel(engine, "one", BODIES)
    made = make_settings(
        database_url, provider_server.base_url(), tmp_path, rerank="voyage/rerank-2.5", voyage_api_key=KEY,
        voyage_base_url=server.url,
    )  # fmt: skip
    fill(engine, made, OLD_KEY, ["one"], active=True)
    # What the first question imports counts against its deadline.
    Searching(made.model_copy(update={"rerank": None}), engine).passages(QUESTION, k=2)
    return made


def test_the_reranker_orders_what_was_found_and_its_cost_is_booked(
    engine: Engine, settings: Settings, server: NativeServer
):
    found = Searching(settings, engine).passages(QUESTION, k=2)

    assert found.hits[0].body == BODIES[1]
    assert [hit.rank for hit in found.hits] == [1, 2]
    assert found.notes == []
    [(_, _, body)] = server.asked
    assert (body["query"], sorted(body["documents"])) == (QUESTION, sorted(BODIES))
    with engine.connect() as connection:
        spent = connection.execute(text("SELECT space_key, tokens, requests, cost FROM spending")).all()
    assert ("rerank voyage/rerank-2.5", 1000, 1, Decimal("0.00005")) in [tuple(row) for row in spent]


def test_without_an_answer_in_time_the_searchs_own_order_stands_with_a_note(
    engine: Engine, settings: Settings, server: NativeServer
):
    plain = Searching(settings.model_copy(update={"rerank": None}), engine).passages(f"[[broken]] {QUESTION}", k=3)

    found = Searching(settings, engine).passages(f"[[broken]] {QUESTION}", k=3)

    assert [hit.body for hit in found.hits] == [hit.body for hit in plain.hits]
    [note] = found.notes
    assert note.startswith("In the search's own order, for the reranker did not answer: Voyage is in trouble")


def test_a_search_by_words_alone_asks_no_reranker(engine: Engine, settings: Settings, server: NativeServer):
    assert Searching(settings, engine).passages("ship", k=2, mode="text").hits
    assert server.asked == []
