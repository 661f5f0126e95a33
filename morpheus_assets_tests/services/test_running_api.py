import asyncio
import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.running_api import FILE, announced, running_api, vectors_of_api
from morpheus_assets.settings import Settings
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

KEY = "a-key-of-sixteen-letters"
QUESTION = "who keeps the lamp burning"


def vector_of(settings: Settings, space: Space) -> np.ndarray | None:
    found = asyncio.run(vectors_of_api(settings, space, [QUESTION], "query"))
    return None if found is None else found[0]


@pytest.mark.parametrize("keys", [None, KEY, f"first:{KEY},second:another-key-of-sixteen"])
def test_a_command_gets_the_vector_of_its_question_from_the_api_that_runs(
    start_api: Callable[..., Api], space: Space, keys: str | None
):
    api = start_api(api_keys=keys)
    with announced(api.settings, api.url):
        found = vector_of(api.settings, space)
    [expected] = vectors_of([QUESTION], space.dimensions)
    assert found is not None
    assert np.allclose(found, expected, atol=1e-6)
    assert vector_of(api.settings, space) is None, "asked after it had ended"


def test_texts_of_any_length_come_in_their_order(start_api: Callable[..., Api], space: Space):
    api, texts = start_api(), [QUESTION, "a cat " * 9000, "rain"]
    with announced(api.settings, api.url):
        found = asyncio.run(vectors_of_api(api.settings, space, texts, "document"))
    assert found is not None
    assert found.shape == (3, space.dimensions)
    assert np.allclose(found[[0, 2]], vectors_of([QUESTION, "rain"], space.dimensions), atol=1e-6)


def test_an_api_that_cannot_say_is_none_at_all(start_api: Callable[..., Api], space: Space):
    api = start_api(api_keys=KEY)
    with announced(api.settings, api.url):
        other = api.settings.model_copy(update={"api_keys": None})
        assert vector_of(other, space) is None
        unknown = Space("another-8", "text", "openai", "another", "", 8, "as is", None)
        assert vector_of(api.settings, unknown) is None
    with announced(api.settings, "http://127.0.0.1:9"):
        assert vector_of(api.settings, space) is None


def test_the_file_of_a_killed_api_leads_nowhere_and_is_only_its_owners(make_settings: Callable[..., Settings]):
    settings = make_settings()
    code = (
        "import os; from morpheus_assets.settings import Settings;"
        "from morpheus_assets.services.running_api import announced;"
        f"api = announced(Settings(_env_file=None, data_folder={str(settings.data_folder)!r}), 'http://127.0.0.1:9');"
        "api.__enter__(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    file = settings.data_folder / FILE
    assert json.loads(file.read_text())["url"] == "http://127.0.0.1:9"
    assert file.stat().st_mode & 0o077 == 0
    assert running_api(settings) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1, "pid": "x", "started": null}'])
def test_a_file_that_says_nothing_useful_is_as_good_as_none(make_settings: Callable[..., Settings], text: str):
    settings = make_settings()
    settings.data_folder.mkdir(parents=True)
    (settings.data_folder / FILE).write_text(text)
    assert running_api(settings) is None
