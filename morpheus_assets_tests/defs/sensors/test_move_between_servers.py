"""A move from a vendor to a server of one's own: each space is asked for at its own address, and search stays up."""

import threading
from collections import Counter
from pathlib import Path

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.cli.search import Searching
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.store.spaces.spaces import active_space
from morpheus_assets_tests.defs.model_change import (
    OLD,
    OLD_KEY,
    add_novels,
    bodies_of,
    embed,
    fill,
    make_settings,
    materialized,
    names,
    switch_tick,
)
from morpheus_assets_tests.fixtures.compatible_servers import SERVERS, running
from morpheus_assets_tests.fixtures.provider import ProviderServer

READERS = 8
VLLM = next(quirks for quirks in SERVERS if quirks.name == "vllm")


def test_eight_readers_see_no_error_while_a_library_moves_from_a_vendor_to_a_server_of_its_own(
    engine: Engine,
    instance: dg.DagsterInstance,
    database_url: str,
    provider_server: ProviderServer,
    tmp_path: Path,
) -> None:
    vendor = provider_server.base_url()
    novels = names(6)
    add_novels(engine, instance, novels)
    before = make_settings(database_url, vendor, tmp_path)
    fill(engine, before, OLD_KEY, novels, active=True)
    answered_by: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    done = threading.Event()

    with running(VLLM) as own:
        (tmp_path / "spaces.toml").write_text(f"[own]\n{own.table}key_variable = 'NO_SUCH_KEY'\n")
        after = make_settings(
            database_url, vendor, tmp_path, text_spaces=f"own,{OLD}", spaces_file=tmp_path / "spaces.toml"
        )
        new_key = configured_text_spaces(after)[0].key

        def read(number: int) -> None:
            searching = Searching(after, engine)
            question = bodies_of(novels[number % len(novels)])[1]
            while not done.is_set():
                try:
                    answer = searching.passages(question, mode="vector", k=2)
                    fine = len(answer.hits) == 2 and not answer.notes
                    outcomes["answers" if fine else f"{len(answer.hits)} hits, {answer.notes}"] += 1
                    answered_by[answer.space] += 1
                except Exception as error:
                    outcomes[f"{type(error).__name__}: {error}"] += 1

        readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
        for reader in readers:
            reader.start()
        try:
            wait_for(answered_by, OLD_KEY, 20)
            assert embed(after, instance, new_key, novels).success
            assert materialized(instance, new_key) == set(novels)
            switch_tick(after, instance)
            switch_tick(after, instance)
            wait_for(answered_by, new_key, 20)
        finally:
            done.set()
            for reader in readers:
                reader.join()

        active = active_space(engine, "text")
        assert active is not None
        assert active.key == new_key
        assert set(outcomes) == {"answers"}, outcomes
        assert set(answered_by) == {OLD_KEY, new_key}
        # Passages and questions of a space go to its own server, and nowhere else.
        assert {asked.body["model"] for asked in own.asked} == {"/models/bge-m3"}
        passages = {text for novel in novels for text in bodies_of(novel)}
        assert {text for asked in own.asked for text in asked.texts} >= passages
        assert set(provider_server.stats(vendor)["statuses"]) == {"200"}


def wait_for(counted: Counter[str], key: str, count: int, seconds: float = 200) -> None:
    ended = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if counted[key] >= count:
            return
        ended.wait(0.05)
    raise AssertionError(f"{key} answered {counted[key]} times: {counted}")
