import pytest

from morpheus_assets.embedding.errors import ProviderUnavailable
from morpheus_assets.embedding.providers import registry
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets_tests.embedding.helpers import (
    assert_right,
    both_vendors,
    open_provider,
    run,
    sentences,
)
from morpheus_assets_tests.fixtures.provider import ProviderServer


def test_an_endpoint_of_ones_own_needs_no_key_and_may_have_any_model(provider_server: ProviderServer):
    url = provider_server.base_url(any_model=384)
    provider = open_provider("openai/BAAI/bge-small-en-v1.5@384", url)
    provider_without_key = registry.open_provider(provider.space, ProviderOptions(base_url=url, timeout_seconds=5.0))

    vectors, _, error = run(provider_without_key, sentences(3))

    assert error is None
    assert_right(vectors, sentences(3), 384)


@both_vendors
def test_a_provider_never_shows_its_key(space: str, provider_server: ProviderServer):
    provider = open_provider(space, provider_server.base_url())
    assert "secret" not in repr(provider) + repr(vars(provider)["_endpoint"]) + str(provider)


@both_vendors
def test_a_netrc_for_every_host_does_not_take_the_place_of_the_key(
    space: str, provider_server: ProviderServer, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "netrc").write_text("default login somebody password hidden\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    vectors, _, error = run(open_provider(space, provider_server.base_url()), sentences(2))
    assert (error, len(vectors)) == (None, 2)


@both_vendors
def test_the_systems_proxy_is_used_unless_the_host_is_excepted(
    space: str, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert isinstance(run(open_provider(space, provider_server.base_url()), sentences(1))[2], ProviderUnavailable)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert run(open_provider(space, provider_server.base_url()), sentences(1))[2] is None
