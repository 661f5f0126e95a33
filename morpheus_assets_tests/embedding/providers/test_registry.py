import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.models import price_of
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.registry import PROVIDERS, is_local, open_provider
from morpheus_assets.embedding.spaces import parse_space_names, resolve_text_space
from morpheus_assets.settings import Settings
from morpheus_assets_tests.embedding.helpers import digest, run
from morpheus_assets_tests.embedding.providers.toy import ToyServer, toy, words_in_buckets

__all__ = ["toy"]


def test_a_registered_provider_is_named_in_the_settings_and_embeds_texts(toy: ToyServer):
    [name] = parse_space_names("toy/echo@8")
    space = resolve_text_space(name)
    assert (space.key, space.provider, space.dimensions, space.max_input_tokens) == ("toy-echo-8", "toy", 8, 512)
    assert price_of(space, 500_000) == Decimal(1)
    texts = [f"Ship {number} came home late." for number in range(40)]

    vectors, refused, error = run(open_provider(space, ProviderOptions()), texts)

    assert (refused, error) == ([], None)
    for text in texts:
        expected = np.array(words_in_buckets(text.split()))
        np.testing.assert_allclose(vectors[digest(text)], expected / np.linalg.norm(expected), rtol=1e-6)
    assert sorted(len(asked["texts"]) for asked in toy.asked) == [8, 16, 16]
    assert {asked["as"] for asked in toy.asked} == {"document"}


def test_a_provider_that_is_not_registered_is_refused(toy: ToyServer):
    space = resolve_text_space("toy/echo@8")
    del PROVIDERS["toy"]
    with pytest.raises(ConfigurationError, match=r"'toy/echo@8', which is no space"):
        parse_space_names("toy/echo@8")
    with pytest.raises(ConfigurationError, match=r"toy-echo-8 .* 'toy', which is not known: known are openai, voyage"):
        open_provider(space, ProviderOptions())
    assert not is_local(space)


def test_a_registered_providers_own_table_says_which_models_and_sizes_there_are(toy: ToyServer):
    with pytest.raises(ConfigurationError, match=r"unknown model toy/shout@8: known are toy/echo\."):
        parse_space_names("toy/shout@8")
    with pytest.raises(ConfigurationError, match="of 1 to 16 dimensions"):
        parse_space_names("toy/echo@17")


def test_another_preparation_is_another_space(toy: ToyServer, monkeypatch: pytest.MonkeyPatch):
    before = resolve_text_space("toy/echo@8")
    monkeypatch.setitem(PROVIDERS, "toy", replace(PROVIDERS["toy"], preparation="queries begin with a word"))
    assert resolve_text_space("toy/echo@8").fingerprint != before.fingerprint


@pytest.mark.parametrize("spec", PROVIDERS.values(), ids=lambda spec: spec.name)
def test_a_provider_reads_settings_that_exist(spec):
    for field in (spec.key_setting, spec.base_url_setting):
        assert field is None or field in Settings.model_fields


def test_the_specs_are_read_without_an_sdk_a_model_library_or_a_connection():
    code = (
        "import sys, socket\n"
        "def refuse(*_): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "from morpheus_assets.embedding.providers.registry import PROVIDERS\n"
        "heavy = ('torch', 'numpy', 'PIL', 'httpx', 'aiohttp', 'openai', 'voyageai', 'open_clip', 'transformers',\n"
        "         'sentence_transformers', 'huggingface_hub', 'stamina', 'morpheus_assets.settings')\n"
        "print(len(PROVIDERS), [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{len(PROVIDERS)} []"
