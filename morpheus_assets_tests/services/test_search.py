from pathlib import Path

import pytest
from sqlalchemy import Engine

from morpheus_assets.cli.search import Searching
from morpheus_assets.embedding.errors import ConfigurationError, ProviderUnavailable
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.defs.model_change import NEW, OLD, OLD_KEY, add_novel, bodies_of, fill, make_settings, names
from morpheus_assets_tests.fixtures.compatible_servers import SERVERS, running
from morpheus_assets_tests.fixtures.provider import ProviderServer

VOYAGE, VOYAGE_KEY = "voyage/voyage-4-lite@256", "voyage-voyage-4-lite-256"


@pytest.fixture
def settings(engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path) -> Settings:
    """Three novels, whole in a space of each of two providers; OpenAI's answers."""
    for novel in names(3):
        add_novel(engine, novel)
    url = provider_server.base_url()
    made = make_settings(database_url, url, tmp_path, f"{OLD}, {VOYAGE}", voyage_api_key="pa-test", voyage_base_url=url)
    fill(engine, made, OLD_KEY, names(3), active=True)
    fill(engine, made, VOYAGE_KEY, names(3))
    spaces.mark_ready(engine, VOYAGE_KEY)
    return made


def ask(settings: Settings, engine: Engine):
    return Searching(settings, engine).passages(bodies_of("novel-001")[2], mode="vector", k=2)


def with_openai(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"openai_base_url": url})


def test_the_active_space_answers_while_its_provider_does(settings, engine) -> None:
    answer = ask(settings, engine)
    assert (answer.space, answer.notes) == (OLD_KEY, [])
    assert answer.hits[0].novel == "novel-001"


@pytest.mark.parametrize("fault", ["503", "429_quota", "html200", "reset"])
def test_the_standby_space_answers_with_its_own_model_when_the_provider_is_down(
    settings, engine, provider_server, fault
) -> None:
    answer = ask(with_openai(settings, provider_server.base_url(fault=fault)), engine)
    assert answer.space == VOYAGE_KEY
    [note] = answer.notes
    assert note.startswith(f"Answered by the standby space {VOYAGE_KEY}: ")
    assert answer.hits[0].novel == "novel-001"
    assert answer.hits[0].similarity == pytest.approx(1, abs=1e-3)


def test_a_wrong_key_is_a_persons_to_mend_and_no_case_for_the_standby(settings, engine, provider_server) -> None:
    with pytest.raises(ConfigurationError):
        ask(with_openai(settings, provider_server.base_url(fault="401")), engine)


def test_a_standby_space_that_lacks_something_does_not_answer(settings, engine, provider_server) -> None:
    add_novel(engine, "latecomer")
    with pytest.raises(ProviderUnavailable):
        ask(with_openai(settings, provider_server.base_url(fault="503")), engine)


def test_another_model_of_the_same_provider_is_no_standby(settings, engine, provider_server) -> None:
    spaces.retire(engine, VOYAGE_KEY)
    both = settings.model_copy(update={"text_spaces": f"{OLD}, {NEW}"})
    fill(engine, both, "openai-text-embedding-3-large-96", names(3))
    spaces.mark_ready(engine, "openai-text-embedding-3-large-96")
    with pytest.raises(ProviderUnavailable):
        ask(with_openai(both, provider_server.base_url(fault="503")), engine)


def test_a_space_at_another_server_stands_by_though_both_speak_the_same_protocol(
    engine: Engine, database_url: str, provider_server: ProviderServer, tmp_path: Path
) -> None:
    for novel in names(3):
        add_novel(engine, novel)
    with running(next(quirks for quirks in SERVERS if quirks.name == "vllm")) as own:
        (tmp_path / "spaces.toml").write_text(f"[own]\n{own.table}")
        url = provider_server.base_url(fault="503")
        made = make_settings(database_url, url, tmp_path, f"{OLD},own", spaces_file=tmp_path / "spaces.toml")
        own_key = configured_text_spaces(made)[1].key
        fill(engine, made, OLD_KEY, names(3), active=True)
        fill(engine, made, own_key, names(3))
        spaces.mark_ready(engine, own_key)

        answer = ask(made, engine)

    assert answer.space == own_key
    assert answer.hits[0].similarity == pytest.approx(1, abs=1e-3)
