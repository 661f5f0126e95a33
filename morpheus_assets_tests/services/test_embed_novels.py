"""The stream of vectors by itself: what it costs, and what is left when it is not read to its end."""

import gc
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from morpheus_assets.defs.assets.embeddings import text_embedder
from morpheus_assets.defs.resources import DatabaseResource, ProvidersResource
from morpheus_assets.domain.embeddings import Cost, FailedNovel, VectorBatch
from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.services.embed_novels import SpaceFiller
from morpheus_assets.settings import Settings
from morpheus_assets.store.database import leases
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets_tests.defs.model_change import add_novel, bodies_of, make_settings, names
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import eventually

NOVELS = names(3)
PASSAGES = 20


class Filling:
    """One process's way from the missing inputs of the novels to the provider."""

    def __init__(self, engine: Engine, settings: Settings, log) -> None:
        self.engine = engine
        space = configured_text_spaces(settings)[0]
        self.row: SpaceRow = spaces.register_space(engine, space)
        embed = text_embedder(ProvidersResource(settings), DatabaseResource(settings))
        self.filler = SpaceFiller(engine, self.row, embed, log)

    def store(self, arrival: object) -> None:
        """What the consumer of a stream does with what it is given."""
        if isinstance(arrival, VectorBatch):
            vectors.write_batch(self.engine, self.row, arrival.hashes, arrival.embeddings)

    @property
    def claims(self) -> int:
        with self.engine.connect() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM embedding_claims").scalar_one()


def settings_for(database_url: str, folder: Path, base_url: str) -> Settings:
    return make_settings(database_url, base_url, folder, inputs_per_request=4, requests_in_flight=2)


def requests_on_their_way() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "embedding"]


@pytest.fixture
def filling(engine: Engine, database_url: str, tmp_path: Path, provider_server: ProviderServer, caplog) -> Filling:
    import logging

    for novel in NOVELS:
        add_novel(engine, novel, bodies_of(novel, PASSAGES))
    settings = settings_for(database_url, tmp_path, provider_server.base_url(latency_ms=30))
    return Filling(engine, settings, logging.getLogger("test"))


def test_every_batch_comes_with_what_it_cost_each_novel(filling: Filling, provider_server: ProviderServer):
    total: dict[str, Cost] = {}
    for arrival in filling.filler.fill(NOVELS):
        filling.store(arrival)
        for novel, cost in arrival.costs.items():
            total[novel] = total.get(novel, Cost()) + cost
    assert {novel: cost.embedded for novel, cost in total.items()} == dict.fromkeys(NOVELS, PASSAGES)
    stats = provider_server.stats()
    assert sum(cost.tokens for cost in total.values()) == stats["tokens"]
    assert sum(cost.requests for cost in total.values()) == stats["requests"]
    assert all(cost.tokens > 0 for cost in total.values())


@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_a_stream_that_is_left_gives_its_claims_back_and_ends_its_requests(
    filling: Filling, provider_server: ProviderServer, how: str
):
    stream = filling.filler.fill(NOVELS)
    filling.store(next(stream))
    assert filling.claims > 4
    assert requests_on_their_way()
    if how == "closed":
        stream.close()
    else:
        del stream
        gc.collect()
    assert filling.claims == 0
    assert requests_on_their_way() == []
    left = sum(len(arrival.hashes) for arrival in map(kept(filling), filling.filler.fill(NOVELS)))
    assert left == len(NOVELS) * PASSAGES - 4
    # No more than was on its way is paid for twice.
    assert provider_server.stats()["repeated_inputs"] <= 2 * 4


def test_answers_that_wait_for_a_slow_reader_hold_back_new_requests_so_that_no_more_is_lost_when_he_leaves(
    filling: Filling, provider_server: ProviderServer
):
    stream = filling.filler.fill(NOVELS)
    for _ in range(2):
        filling.store(next(stream))
        # Both of the requests that are on their way are answered before the next batch is asked for.
        time.sleep(0.2)
    stream.close()
    for arrival in filling.filler.fill(NOVELS):
        filling.store(arrival)
    assert provider_server.stats()["repeated_inputs"] <= 2 * 4


def test_what_was_read_ahead_is_not_sent_when_others_took_over_while_the_process_stood_still(
    engine: Engine, filling: Filling, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
):
    # each look at the lease asks the server, as after a standstill
    monkeypatch.setattr(leases, "_DOUBTFUL_SECONDS", 0.0)
    stream = filling.filler.fill(NOVELS)
    filling.store(next(stream))
    assert eventually(lambda: provider_server.stats()["requests"] == 3 and not provider_server.stats()["in_flight"])
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM leases")
    with open_claims(engine, filling.row, NOVELS) as others:
        assert len(list(others.missing())) == len(NOVELS) * PASSAGES - 4
        for _ in range(2):
            filling.store(next(stream))
        time.sleep(0.2)
        assert provider_server.stats()["requests"] == 3
    for arrival in stream:
        filling.store(arrival)
    stats = provider_server.stats()
    assert (stats["inputs"], stats["repeated_inputs"]) == (len(NOVELS) * PASSAGES, 0)


def test_a_stream_that_was_never_begun_claims_and_sends_nothing(filling: Filling, provider_server: ProviderServer):
    filling.filler.fill(NOVELS).close()
    assert filling.claims == 0
    assert provider_server.stats()["requests"] == 0


def test_a_novel_at_fault_takes_no_other_with_it_and_is_named_at_the_end(
    engine: Engine, filling: Filling, database_url: str, tmp_path: Path, provider_server: ProviderServer
):
    bad = NOVELS[1]
    add_novel(engine, bad, [*bodies_of(bad, PASSAGES), "The [[broken]] cup."])
    settings = settings_for(database_url, tmp_path, provider_server.base_url(broken="429", retry_after="0.05"))
    failing = Filling(engine, settings, filling.filler._log)
    arrivals = list(map(kept(failing), failing.filler.fill(NOVELS)))
    named = [arrival for arrival in arrivals if isinstance(arrival, FailedNovel)]
    assert [each.novel for each in named] == [bad]
    assert arrivals[-1] is named[0]
    assert "HTTP 429" in str(named[0].error)
    with engine.connect() as connection:
        stored = connection.exec_driver_sql(f"SELECT count(*) FROM {failing.row.table}").scalar_one()
    assert stored >= 2 * PASSAGES
    assert failing.claims == 0


def kept(filling: Filling):
    def keep(arrival):
        filling.store(arrival)
        return arrival

    return keep
