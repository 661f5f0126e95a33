import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from morpheus_assets.services.running_api import FILE, ApiSilent, announced, ask_api, running_api
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets_tests.api.conftest import Api

KEY = "a-key-of-sixteen-letters"


@pytest.mark.parametrize("keys", [None, KEY, f"first:{KEY},second:another-key-of-sixteen"])
def test_a_command_asks_the_api_that_runs_with_its_own_key(start_api: Callable[..., Api], keys: str | None):
    api = start_api(api_keys=keys)
    with announced(api.settings, api.url):
        status, answer = ask_api(api.settings, "GET", "/api/novels")
    assert (status, answer) == (200, {"novels": []})
    with pytest.raises(ApiSilent):
        ask_api(api.settings, "GET", "/api/novels")


def test_an_api_beside_another_database_is_none_at_all(start_api: Callable[..., Api]):
    api = start_api()
    with announced(api.settings, api.url):
        assert running_api(api.settings) == api.url
        other = SecretStr("postgresql://user:password@elsewhere/morpheus")
        assert running_api(api.settings.model_copy(update={"database_url": other})) is None
        assert running_api(api.settings.model_copy(update={"database_url": None})) is None


def test_an_api_that_was_told_the_embedded_servers_address_is_found_by_commands_that_were_not(
    make_settings: Callable[..., Settings], tmp_path: Path
):
    embedded = EmbeddedPostgres(tmp_path / "data").url()
    with announced(make_settings(database_url=embedded), "http://127.0.0.1:9"):
        assert running_api(make_settings(database_url=None)) == "http://127.0.0.1:9"


def test_an_api_that_does_not_answer_in_json_is_none_at_all(start_api: Callable[..., Api]):
    api = start_api()
    for address, path in (("http://127.0.0.1:9", "/api/novels"), (api.url, "/page/search.css")):
        with announced(api.settings, address), pytest.raises(ApiSilent):
            ask_api(api.settings, "GET", path)


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
