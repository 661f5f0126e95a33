from pathlib import Path

import pytest
from dagster import DagsterInstance
from sqlalchemy import Engine

from morpheus_assets.domain.questions import Question
from morpheus_assets.services.evaluation.gate import reason_against
from morpheus_assets.services.space_lifecycle import SpaceUnfit, activate_by_hand, describe_space, listed_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.evaluation.questions import replace_questions
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.defs.model_change import (
    NEW,
    NEW_KEY,
    OLD,
    OLD_KEY,
    add_novel,
    bodies_of,
    fill,
    make_settings,
    names,
    switch_tick,
)
from morpheus_assets_tests.fixtures.passages import missing_inputs
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

NOVELS = names(4)


@pytest.fixture
def settings(engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    """Four novels of twelve passages, whole in the old space, which answers; and 24 questions about them on disk."""
    for novel in NOVELS:
        add_novel(engine, novel, bodies_of(novel, 12))
    made = make_settings(database_url, provider_server.base_url(), tmp_path, f"{NEW}, {OLD}")
    fill(engine, made, OLD_KEY, NOVELS, active=True)
    lines = ["question\tnovel\tquotation"]
    lines += [f"{body.strip()}\t{novel}\t{body.strip()}" for novel in NOVELS for body in bodies_of(novel, 6)]
    folder = tmp_path / "content" / "questions"
    folder.mkdir(parents=True)
    (folder / "mine.tsv").write_text("\n".join(lines))
    return made


def make_worse(engine: Engine, settings: Settings) -> None:
    """The new space holds for each passage the vector of another one: whole, of the right size, and wrong."""
    row = spaces.register_space(engine, fill(engine, settings, NEW_KEY, []))
    inputs = [each for novel in NOVELS for each in missing_inputs(engine, row, novel)]
    shifted = [*inputs[7:], *inputs[:7]]
    made = vectors_of([each.content for each in shifted], row.dimensions)
    vectors.write_batch(engine, row, [each.content_hash for each in inputs], made)


def test_a_model_that_finds_worse_stays_ready_and_a_person_reads_why_and_may_overrule(settings, engine) -> None:
    make_worse(engine, settings)
    spaces.mark_ready(engine, NEW_KEY)
    with DagsterInstance.ephemeral() as instance:
        assert "finds worse than" in switch_tick(settings, instance)
        assert spaces.active_space(engine, "text").key == OLD_KEY
        # the next tick only reads what is known, and asks for no run
        assert "finds worse than" in switch_tick(settings, instance)
        assert not instance.get_runs()[1:]
    listed = {each.row.key: describe_space(each, 14) for each in listed_spaces(engine, settings)}
    assert "finds worse than" in listed[NEW_KEY]
    assert "--anyway" in listed[NEW_KEY]
    with pytest.raises(SpaceUnfit, match="finds worse than"):
        activate_by_hand(engine, settings, NEW_KEY)
    activate_by_hand(engine, settings, NEW_KEY, anyway=True)
    assert spaces.active_space(engine, "text").key == NEW_KEY


def test_a_model_that_finds_as_well_becomes_active(settings, engine) -> None:
    fill(engine, settings, NEW_KEY, NOVELS)
    spaces.mark_ready(engine, NEW_KEY)
    with DagsterInstance.ephemeral() as instance:
        assert f"{NEW_KEY} answers text searches" in switch_tick(settings, instance)
    assert spaces.active_space(engine, "text").key == NEW_KEY


def test_other_questions_ask_the_gate_anew(settings, engine) -> None:
    make_worse(engine, settings)
    spaces.mark_ready(engine, NEW_KEY)
    with DagsterInstance.ephemeral() as instance:
        switch_tick(settings, instance)
    rows = {row.key: row for row in spaces.list_spaces(engine, "text")}
    assert reason_against(engine, rows[NEW_KEY], rows[OLD_KEY])
    replace_questions(engine, {"other.tsv": [Question("Who?", NOVELS[0], frozenset({1}))]})
    assert reason_against(engine, rows[NEW_KEY], rows[OLD_KEY]) is None


def test_too_few_questions_hold_nothing_back_and_send_nothing(
    settings, engine, provider_server, tmp_path, monkeypatch
) -> None:
    make_worse(engine, settings)
    spaces.mark_ready(engine, NEW_KEY)
    (tmp_path / "content" / "questions" / "mine.tsv").unlink()
    monkeypatch.setattr("morpheus_assets.services.evaluation.evaluate.made_questions", lambda *_: [])
    provider_server.reset()
    with DagsterInstance.ephemeral() as instance:
        assert "answers text searches" in switch_tick(settings, instance)
    assert provider_server.stats()["requests"] == 0


def test_a_present_space_whose_provider_is_gone_holds_nothing_back(settings, engine, provider_server) -> None:
    make_worse(engine, settings)
    spaces.mark_ready(engine, NEW_KEY)
    gone = settings.model_copy(update={"text_spaces": f"{NEW}, voyage/voyage-4-lite@256"})
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE embedding_spaces SET provider = 'voyage' WHERE key = %s", (OLD_KEY,))
    with DagsterInstance.ephemeral() as instance:
        assert "answers text searches" in switch_tick(gone, instance)
