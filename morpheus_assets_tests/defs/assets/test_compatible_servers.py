"""Runs that embed a novel at each of the servers that speak OpenAI's protocol in their own way."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from morpheus_assets.definitions import build_definitions
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.configured_spaces import account_of, configured_text_spaces
from morpheus_assets.store.accounts.endpoint_limits import found_limit
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import get_space
from morpheus_assets_tests.defs.model_change import add_novels, make_settings
from morpheus_assets_tests.fixtures.compatible_servers import SERVERS, running

PASSAGES = 120


def test_each_server_embeds_a_novel_whole_and_its_limit_is_known_to_the_next_run(
    engine: Engine, instance: dg.DagsterInstance, database_url: str, tmp_path: Path
) -> None:
    add_novels(engine, instance, ["first", "second"], passages=PASSAGES)
    with ExitStack() as stack:
        servers = {quirks.name: stack.enter_context(running(quirks)) for quirks in SERVERS}
        tables = [f'["{name}"]\n{server.table}revision = "{name}"\n' for name, server in servers.items()]
        (tmp_path / "spaces.toml").write_text("".join(tables))
        settings = make_settings(
            database_url, "http://127.0.0.1:9/v1", tmp_path, text_spaces=",".join(servers), retry_attempts=2,
            spaces_file=tmp_path / "spaces.toml", requests_in_flight=1,
        )  # fmt: skip
        spaces = dict(zip(servers, configured_text_spaces(settings), strict=True))

        def run(novel: str) -> Any:
            job = build_definitions(settings).get_repository_def().get_job("__ASSET_JOB")
            keys = [dg.AssetKey(space_asset(space)) for space in spaces.values()]
            return job.execute_in_process(instance=instance, asset_selection=keys, partition_key=novel)

        assert run("first").success
        requests = {name: len(server.asked) for name, server in servers.items()}
        assert run("second").success

        for name, space in spaces.items():
            covered = coverage(engine, get_space(engine, space.key))
            assert (covered.present, covered.missing) == (2 * PASSAGES, 0), name
        found = {name: found_limit(engine, account_of(settings, space), space.model) for name, space in spaces.items()}
        assert found == {
            name: quirks.most_inputs if (quirks.most_inputs or PASSAGES) < PASSAGES else None
            for name, quirks in ((server.quirks.name, server.quirks) for server in servers.values())
        }
        for name in ("gemini", "tei", "dashscope"):
            later = [len(asked.texts) for asked in servers[name].asked[requests[name] :]]
            assert max(later) <= found[name], name
