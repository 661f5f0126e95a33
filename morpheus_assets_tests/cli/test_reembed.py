"""`morpheus reembed` against a real Dagster webserver."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import httpx
import pytest
from sqlalchemy import Engine

from morpheus_assets.services.dagster_client import DagsterClient, DagsterRefused
from morpheus_assets.services.reembedding_launch import launch_plan
from morpheus_assets.services.reembedding_plan import make_plan
from morpheus_assets.settings import PROJECT_FOLDER, Settings
from morpheus_assets.store.accounts import reembeddings
from morpheus_assets_tests.defs.model_change import NEW, NEW_KEY, OLD_KEY, add_novels, fill, make_settings, names


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path, NEW)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "home"
    home.mkdir()
    with dg.instance_for_test(temp_dir=str(home), set_dagster_home=True) as made:
        yield made


@pytest.fixture
def webserver(settings: Settings, instance: dg.DagsterInstance, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_TEXT_SPACES": NEW,
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "OPENAI_API_KEY": "sk-test",
    }
    program = Path(sys.executable).parent / "dagster-webserver"
    process = subprocess.Popen(
        [str(program), "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        env=environment,
        cwd=PROJECT_FOLDER,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{address}/server_info", timeout=2).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_a_plan_becomes_a_backfill_through_the_webserver_once(
    engine: Engine, settings: Settings, instance: dg.DagsterInstance, webserver: str
) -> None:
    add_novels(engine, instance, names(4))
    fill(engine, make_settings(str(engine.url), "", Path()), OLD_KEY, names(4), active=True)
    said: list[str] = []
    launch_plan(engine, webserver, make_plan(engine, settings), said.append)
    [backfill] = instance.get_backfills()
    assert backfill.title == f"Re-embed 4 novels in {NEW_KEY}: a new space"
    assert backfill.tags["morpheus/space"] == NEW_KEY
    assert said == [f"{backfill.title}: backfill {backfill.backfill_id}."]
    targets = backfill.asset_backfill_data.target_subset.iterate_asset_partitions()
    assert {target.partition_key for target in targets} == set(names(4))
    [noted] = reembeddings.launches_since(engine, datetime.now(UTC) - timedelta(minutes=5))
    assert noted.backfill_id == backfill.backfill_id
    launch_plan(engine, webserver, make_plan(engine, settings), said.append)
    assert said[1] == f"{NEW_KEY}: the backfill {backfill.backfill_id} is still running, so none is added."
    with pytest.raises(DagsterRefused, match="has no asset text_embeddings/nonsense: reload its code location"):
        asyncio.run(DagsterClient(webserver).partitions(["text_embeddings", "nonsense"]))
