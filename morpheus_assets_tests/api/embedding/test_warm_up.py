from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.store.spaces import spaces
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import eventually


def loaded(api: Api) -> set[str]:
    """The spaces whose providers are open."""
    return {provider.space.key for provider in api.app.state.services.providers._open.values()}


def ready(api: Api) -> bool:
    return api.client.get("/readyz").status_code == 200


@pytest.mark.slow
def test_the_models_that_answer_are_loaded_when_the_server_says_that_it_is_ready(
    start_api: Callable[..., Api],
    engine: Engine,
    make_settings: Callable,
    space: Space,
    provider_server: ProviderServer,
):
    image = configured_image_spaces(make_settings())[0]
    for each in (space, image):
        spaces.activate_first(engine, spaces.register_space(engine, each).key)
    api = start_api()
    first = api.client.get("/readyz")
    assert first.status_code == 200 or first.json()["parts"]["models"] == "loading"
    assert eventually(lambda: ready(api), 60)
    assert loaded(api) == {space.key, image.key}
    assert api.client.get("/readyz").json()["parts"]["models"] == "ok"
    assert api.metric(f'morpheus_provider_request_seconds_count{{space="{image.key}"}}') == 2
    # what costs something is not asked
    assert provider_server.stats(api.provider_url)["requests"] == 0


def test_a_space_that_becomes_active_is_loaded_before_it_is_asked(
    start_api: Callable[..., Api], engine: Engine, space: Space, provider_server: ProviderServer,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setattr("morpheus_assets.api.embedding.warm_up.LOOK_SECONDS", 0.2)
    spaces.activate_first(engine, spaces.register_space(engine, space).key)
    api = start_api(voyage_api_key="pa-secret-0123456789", voyage_base_url=provider_server.base_url())
    assert eventually(lambda: loaded(api) == {space.key})
    other = resolve_text_space("voyage/voyage-3.5@256")
    spaces.activate(engine, spaces.register_space(engine, other).key)
    assert eventually(lambda: other.key in loaded(api), 20)


def test_a_model_that_cannot_be_loaded_keeps_nobody_waiting(start_api: Callable[..., Api]):
    api = start_api(openai_api_key=None, openai_base_url=None, text_spaces="openai/text-embedding-3-small@256")
    assert eventually(lambda: ready(api))
    assert api.client.get("/readyz").json()["parts"]["models"] == "not loaded"
    assert "OPENAI_API_KEY" in api.text("a ship").json()["detail"]
