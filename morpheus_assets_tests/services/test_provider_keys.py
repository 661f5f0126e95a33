from collections.abc import Callable

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from morpheus_assets.cli.main import main
from morpheus_assets.services.provider_keys import provider_key
from morpheus_assets.store.accounts.provider_keys import KeyUnusable, MasterKey, list_keys, read_key, rotate, save_key
from morpheus_assets_tests.api.conftest import SECRET, Api
from morpheus_assets_tests.fixtures.provider import ProviderServer


def test_a_key_comes_back_only_under_its_master_key_and_its_own_name(engine: Engine, sql: Callable):
    master, other = MasterKey(MasterKey.new()), MasterKey(MasterKey.new())
    save_key(engine, "openai", SECRET, master)
    assert read_key(engine, "openai", [master]) == SECRET
    assert read_key(engine, "voyage", [master]) is None
    with pytest.raises(KeyUnusable, match="openai"):
        read_key(engine, "openai", [other])
    sql("UPDATE provider_keys SET provider = 'voyage' RETURNING 1")
    with pytest.raises(KeyUnusable):
        read_key(engine, "voyage", [master])


def test_neither_the_table_nor_a_listing_shows_a_key(engine: Engine, sql: Callable):
    master = MasterKey(MasterKey.new())
    save_key(engine, "openai", SECRET, master)
    assert SECRET.encode() not in b"".join(bytes(row[0]) for row in sql("SELECT ciphertext FROM provider_keys"))
    assert SECRET not in repr(list_keys(engine)) + repr(master)


def test_rotation_moves_every_key_or_none(engine: Engine):
    old, new, stranger = (MasterKey(MasterKey.new()) for _ in range(3))
    save_key(engine, "openai", SECRET, old)
    save_key(engine, "voyage", "pa-other", stranger)
    with pytest.raises(KeyUnusable):
        rotate(engine, old, new)
    assert read_key(engine, "openai", [old]) == SECRET
    save_key(engine, "voyage", "pa-other", old)
    assert rotate(engine, old, new) == 2
    assert read_key(engine, "openai", [new, old]) == SECRET
    with pytest.raises(KeyUnusable):
        read_key(engine, "openai", [old])


def test_the_environment_wins_over_a_stored_key(make_settings: Callable, engine: Engine):
    master = MasterKey.new()
    save_key(engine, "openai", "stored-key", MasterKey(master))
    assert provider_key(make_settings(master_key=master), "openai") == SECRET
    assert provider_key(make_settings(master_key=master, openai_api_key=None), "openai") == "stored-key"
    assert provider_key(make_settings(openai_api_key=None), "openai") is None


def test_a_stored_key_is_what_the_provider_gets(
    start_api: Callable[..., Api], engine: Engine, provider_server: ProviderServer
):
    master = MasterKey.new()
    save_key(engine, "openai", SECRET, MasterKey(master))
    api = start_api(master_key=master, openai_api_key=None)
    assert api.text("a ship").status_code == 200


def test_the_commands_never_print_a_key(database_url: str, monkeypatch: pytest.MonkeyPatch):
    from morpheus_assets import settings as module

    def run(*arguments: str, **options: str):
        module.load_settings.cache_clear()
        return CliRunner().invoke(main, ["keys", *arguments], **options)

    first, second = MasterKey.new(), MasterKey.new()
    for name, value in (("DATABASE_URL", database_url), ("MASTER_KEY", first)):
        monkeypatch.setenv(f"MORPHEUS_{name}", value)
    try:
        outputs = [run("set", "openai", input=f"{SECRET}\n"), run("list")]
        monkeypatch.setenv("MORPHEUS_MASTER_KEY", second)
        monkeypatch.setenv("MORPHEUS_PREVIOUS_MASTER_KEY", first)
        outputs += [run("rotate"), run("list"), run("remove", "openai"), run("list")]
        assert [result.exit_code for result in outputs] == [0] * 6, outputs
        assert SECRET not in "".join(result.output for result in outputs)
        assert MasterKey(second).name in outputs[3].output
        assert "No provider key" in outputs[5].output
        monkeypatch.setenv("MORPHEUS_MASTER_KEY", "rubbish")
        refused = run("set", "openai", input=f"{SECRET}\n")
        assert refused.exit_code == 1
        assert "new-master" in refused.output
    finally:
        module.load_settings.cache_clear()
