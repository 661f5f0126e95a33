from datetime import timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from sqlalchemy import Engine, text

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.checks import embeddings as embedding_checks
from morpheus_assets.defs.checks.embeddings import CHECKS
from morpheus_assets.settings import Settings
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.drift import latest_drift
from morpheus_assets.store.spaces.refusals import record_refusals
from morpheus_assets_tests.defs.model_change import OLD_ASSET, OLD_KEY, add_novel, bodies_of, fill, make_settings, names
from morpheus_assets_tests.fixtures.passages import missing_inputs
from morpheus_assets_tests.fixtures.provider import ProviderServer


@pytest.fixture
def settings(engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    for novel in names(3):
        add_novel(engine, novel)
    made = make_settings(database_url, provider_server.base_url(), tmp_path)
    fill(engine, made, OLD_KEY, names(3), active=True)
    return made


def check(settings: Settings, **tags: str) -> dict[str, dg.AssetCheckEvaluation]:
    job = build_definitions(settings).resolve_job_def("check_embeddings")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, tags=tags)
    found = [each for each in result.get_asset_check_evaluations() if each.asset_key.path[-1] == OLD_ASSET]
    return {each.check_name: each for each in found}


def change(engine: Engine, statement: str, **values: object) -> None:
    row = spaces.get_space(engine, OLD_KEY)
    with engine.begin() as connection:
        connection.execute(text(statement.format(table=row.table)), values)


def test_all_checks_of_a_whole_space_pass(settings) -> None:
    found = check(settings)
    assert set(found) == set(CHECKS)
    assert all(each.passed for each in found.values())
    assert "9 of 9" in found["coverage"].description


def test_a_run_that_brings_a_novel_does_not_read_a_large_space(settings, monkeypatch) -> None:
    monkeypatch.setattr(embedding_checks, "LARGEST_READ_IN_A_RUN", 8)
    brought = check(settings, **{"dagster/partition": "novel-000"})
    assert set(brought) == set(CHECKS) - {"coverage", "dimensions_and_norm", "no_zero_vector", "index_recall"}
    assert set(check(settings)) == set(CHECKS)


def test_a_missing_vector_is_shown_by_coverage_alone(engine, settings) -> None:
    change(engine, "DELETE FROM {table} WHERE content_hash = (SELECT min(content_hash) FROM chunks)")
    found = check(settings)
    assert {name for name, each in found.items() if not each.passed} == {"coverage"}
    assert "1 are missing" in found["coverage"].description


def test_a_refused_input_is_named_and_not_missing(engine, settings) -> None:
    row = spaces.get_space(engine, OLD_KEY)
    add_novel(engine, "novel-000", [*bodies_of("novel-000"), "a strange passage "])
    [lacking] = missing_inputs(engine, row, "novel-000")
    record_refusals(engine, row, [(lacking.content_hash, "the provider would not have it")])
    found = check(settings)
    assert {name for name, each in found.items() if not each.passed} == {"nothing_refused"}
    assert "would not have it" in str(found["nothing_refused"].metadata["list"].records)


def test_a_vector_of_length_zero_or_of_another_length_is_noticed(engine, settings) -> None:
    zero = "[" + ",".join(["0"] * 64) + "]"
    change(engine, "UPDATE {table} SET embedding = CAST(:zero AS halfvec) WHERE content_hash ="
           " (SELECT min(content_hash) FROM chunks)", zero=zero)  # fmt: skip
    failed = {name for name, each in check(settings).items() if not each.passed}
    assert failed == {"dimensions_and_norm", "no_zero_vector"}


def test_drift_is_measured_weekly_and_paid_for_once(engine, settings, provider_server) -> None:
    check(settings)
    assert provider_server.stats()["requests"] == 0, "a space of today has nothing to compare with"
    change(engine, "UPDATE embedding_spaces SET created_at = now() - :age", age=timedelta(days=8))
    assert "lowest cosine 1.000" in check(settings)["drift"].description
    check(settings)
    assert provider_server.stats()["requests"] == 1
    assert provider_server.stats()["inputs"] == 9
    assert latest_drift(engine, spaces.get_space(engine, OLD_KEY)).inputs == 9


def test_a_model_that_changed_under_its_name_is_noticed(engine, settings) -> None:
    change(engine, "UPDATE embedding_spaces SET created_at = now() - :age", age=timedelta(days=8))
    other = np.random.default_rng(1).standard_normal(64)
    vector = "[" + ",".join(map(str, (other / np.linalg.norm(other)).tolist())) + "]"
    change(engine, "UPDATE {table} SET embedding = CAST(:vector AS halfvec)", vector=vector)
    drift = check(settings)["drift"]
    assert not drift.passed
    assert "changed the model under its name" in drift.description


def test_a_provider_that_is_down_is_no_drift(engine, settings, provider_server) -> None:
    change(engine, "UPDATE embedding_spaces SET created_at = now() - :age", age=timedelta(days=8))
    down = settings.model_copy(update={"openai_base_url": provider_server.base_url(fault="503")})
    drift = check(down)["drift"]
    assert drift.severity == dg.AssetCheckSeverity.WARN
    assert "could not be measured" in drift.description
    assert latest_drift(engine, spaces.get_space(engine, OLD_KEY)) is None
