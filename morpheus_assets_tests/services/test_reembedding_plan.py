from pathlib import Path

import pytest

from morpheus_assets.definitions import build_definitions
from morpheus_assets.services.reembedding_plan import describe_plan, make_plan
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.chunks import iter_chunks
from morpheus_assets.store.spaces import spaces
from morpheus_assets.text.chunking.settings import ChunkerSettings
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD_KEY,
    add_novels,
    asset_of,
    fill,
    make_settings,
    materialized,
    names,
)
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.passages import store_chunks
from morpheus_assets_tests.fixtures.provider import ProviderServer

UNPRICED = "openai/own-model@64"


@pytest.fixture
def before(database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    return make_settings(database_url, provider_server.base_url(), tmp_path)


def with_spaces(settings: Settings, text_spaces: str, **changes: object) -> Settings:
    return settings.model_copy(update={"text_spaces": text_spaces, **changes})


def test_a_new_model_in_the_settings_is_an_asset_with_all_partitions_missing(engine, before, instance) -> None:
    add_novels(engine, instance, names(4))
    fill(engine, before, OLD_KEY, names(4), active=True)
    after = with_spaces(before, NEW)
    keys = build_definitions(after).get_repository_def().asset_graph.get_all_asset_keys()
    assert asset_of(NEW_KEY) in keys
    assert materialized(instance, NEW_KEY) == set()
    assert spaces.active_space(engine, "text").key == OLD_KEY
    [plan] = make_plan(engine, after).spaces
    assert (plan.space.key, len(plan.work), plan.inputs) == (NEW_KEY, 4, 12)
    assert "a new space, beside" in plan.reason


def test_a_change_of_prefix_is_a_new_space_whose_plan_counts_what_is_put_before_each_passage(
    engine, before, instance, tmp_path: Path
) -> None:
    add_novels(engine, instance, names(4))
    fill(engine, before, OLD_KEY, names(4), active=True)
    file = tmp_path / "spaces.toml"
    file.write_text('[same]\nprovider = "openai"\nmodel = "text-embedding-3-small"\ndimensions = 64\n')
    assert make_plan(engine, with_spaces(before, "same", spaces_file=file)).spaces == ()

    file.write_text(file.read_text() + f'document_prefix = "{"passage of a novel: " * 5}"\nprice = 2.0\n')
    [changed] = make_plan(engine, with_spaces(before, "same", spaces_file=file)).spaces

    [plain] = make_plan(engine, with_spaces(before, NEW)).spaces
    assert (len(changed.work), changed.inputs) == (4, 12)
    assert "a new space, beside" in changed.reason
    assert changed.tokens == pytest.approx(plain.tokens + 12 * 100 / 3.4, rel=0.05)
    assert float(changed.price) == pytest.approx(changed.tokens * 2 / 1_000_000)


def test_the_plan_counts_only_what_is_not_there_and_names_its_price(engine, before, instance) -> None:
    add_novels(engine, instance, names(4))
    fill(engine, before, OLD_KEY, names(4), active=True)
    after = with_spaces(before, NEW)
    [whole] = make_plan(engine, after).spaces
    fill(engine, after, NEW_KEY, names(3))
    [rest] = make_plan(engine, after).spaces
    assert [work.novel for work in rest.work] == ["novel-003"]
    assert rest.inputs == 3
    assert rest.tokens * 3 < whole.tokens < rest.tokens * 5
    assert rest.price is not None
    assert rest.price > 0
    assert rest.table_bytes > 0
    assert rest.requests == 1


def test_a_budget_in_dollars_counts_too(engine, before, instance) -> None:
    add_novels(engine, instance, names(6))
    [plan] = make_plan(engine, with_spaces(before, NEW)).spaces
    limit = float(plan.work[0].price * 2) * 1.1
    [limited] = make_plan(engine, with_spaces(before, NEW, reembed_max_cost=limit)).spaces
    assert [work.novel for work in limited.chosen] == names(2)


def test_a_novel_that_no_night_can_afford_is_named_and_does_not_hold_up_the_others(engine, before, instance) -> None:
    add_novels(engine, instance, ["war-and-peace"], passages=60)
    add_novels(engine, instance, names(2))
    sizes = [work.tokens for work in make_plan(engine, before).spaces[0].work]
    [plan] = make_plan(engine, with_spaces(before, NEW, reembed_max_tokens=sizes[0] - 1)).spaces
    assert [work.novel for work in plan.too_large] == ["war-and-peace"]
    assert [work.novel for work in plan.chosen] == names(2)


def test_what_is_cut_by_another_chunker_is_shown_in_the_plan(engine, before, instance) -> None:
    add_novels(engine, instance, names(1))
    store_chunks(engine, "novel-000", list(iter_chunks(engine, "novel-000")), chunker="older 1.0")
    [note] = make_plan(engine, before).notes
    assert "1 novel is cut by another chunker (older 1.0" in note


def test_passages_of_another_script_that_were_cut_before_cost_nothing_until_a_person_says_so(
    engine, before, instance
) -> None:
    add_novels(engine, instance, names(2))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE novels SET language = 'ru' WHERE novel = 'novel-000'")
    for novel in names(2):
        store_chunks(engine, novel, list(iter_chunks(engine, novel)), chunker=ChunkerSettings().version())
    [note] = make_plan(engine, before).notes
    assert "1 novel in other scripts than Latin" in note
    assert "MORPHEUS_CHUNK_BY_SCRIPT=all" in note
    [note] = make_plan(engine, before.model_copy(update={"chunk_by_script": "all"})).notes
    assert "1 novel is cut by another chunker" in note
    assert make_plan(engine, before.model_copy(update={"chunk_by_script": "off"})).notes == ()
    # an English model spells other scripts too
    assert make_plan(engine, with_spaces(before, "sentence-transformers/all-MiniLM-L6-v2")).notes == ()


def test_an_unknown_price_starts_nothing_by_itself_until_tokens_bound_it(
    engine, before, instance, fault_row: FaultRow
) -> None:
    add_novels(engine, instance, names(3))
    after = with_spaces(before, UNPRICED)
    [plan] = make_plan(engine, after).spaces
    assert (len(plan.work), plan.price) == (3, None)
    assert plan.chosen == ()
    [sentence] = [line for line in describe_plan(make_plan(engine, after)).splitlines() if "price of" in line]
    assert "openai/own-model is not known" in sentence
    assert "set MORPHEUS_REEMBED_MAX_TOKENS" in sentence
    fault_row("a model whose price is not known is to be re-embedded at night", sentence=sentence, paid_twice=0)
    [bounded] = make_plan(engine, with_spaces(before, UNPRICED, reembed_max_tokens=plan.tokens * 2 // 3)).spaces
    assert [work.novel for work in bounded.chosen] == names(2)


def test_a_space_without_a_price_does_not_hold_up_one_with_a_price(engine, before, instance) -> None:
    add_novels(engine, instance, names(3))
    unpriced, priced = make_plan(engine, with_spaces(before, f"{UNPRICED},{NEW}")).spaces
    assert unpriced.chosen == ()
    assert [work.novel for work in priced.chosen] == names(3)
