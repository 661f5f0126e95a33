"""What a failing run leaves behind — event log, compute logs, run config, database — holds no key and no password."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets_tests.defs.assets.ingest_process import start_ingest
from morpheus_assets_tests.embedding.helpers import OPENAI, QUICK, VOYAGE, run, sentences
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.provider import ProviderServer

# The fake provider repeats this one in what it says about a wrong key.
KEY = "sk-secret-0123456789"
PASSWORD = "hunter2-of-postgres"
SECRETS = (KEY, "secret-0123456789", PASSWORD)


def bytes_left(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def rows_left(engine: Engine) -> Iterator[tuple[str, bytes]]:
    with engine.connect() as connection:
        tables = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
        for table in list(tables):
            for row in connection.exec_driver_sql(f"SELECT t::text FROM {table} t").scalars():
                yield table, row.encode()


def assert_clean(places: Iterator[tuple[str, bytes]]) -> int:
    size = 0
    for place, data in places:
        size += len(data)
        for secret in SECRETS:
            assert secret.encode() not in data, (place, data[max(0, data.find(secret.encode()) - 200) :][:400])
    return size


@pytest.mark.parametrize("fault", ["401", "reset"])
def test_a_run_that_fails_leaves_no_key_behind(deployment: Deployment, tmp_path: Path, fault: str):
    deployment.drop("emma.txt", story(chapters=1))
    url = deployment.server.base_url(fault)
    database = deployment.settings.database_url
    assert database is not None
    run = start_ingest(
        tmp_path, database.get_secret_value(), url, ["emma"], OPENAI_API_KEY=KEY, VOYAGE_API_KEY=KEY,
        MORPHEUS_RETRY_ATTEMPTS="1", MORPHEUS_REMOTE_CLIP_API_KEY=KEY,
    )  # fmt: skip
    run.join(600)
    assert run.exitcode == 1
    log = (tmp_path / "dagster.log").read_text()
    assert "RUN_FAILURE" in log
    # The run's storage, event log and compute logs, what it printed, and every row of the content database.
    assert assert_clean(bytes_left(tmp_path)) > 10_000
    assert (tmp_path / "dagster" / "history" / "runs.db").exists()
    assert any("compute_logs" in place or place.endswith((".err", ".out")) for place, _ in bytes_left(tmp_path))
    assert_clean(rows_left(deployment.engine))


def test_a_database_that_is_down_is_named_without_its_password(tmp_path: Path):
    (tmp_path / "content" / "novels").mkdir(parents=True)
    (tmp_path / "content" / "novels" / "emma.txt").write_text(story(chapters=1))
    address = f"postgresql://morpheus:{PASSWORD}@127.0.0.1:1/nowhere"
    run = start_ingest(tmp_path, address, "http://127.0.0.1:1/v1", ["emma"], OPENAI_API_KEY=KEY)
    run.join(600)
    assert run.exitcode == 1
    assert "MORPHEUS_DATABASE_URL" in (tmp_path / "dagster.log").read_text()
    assert_clean(bytes_left(tmp_path))


@pytest.mark.parametrize("space", [OPENAI, VOYAGE], ids=["openai", "voyage"])
@pytest.mark.parametrize("spoiled", ["\n", "\x00", "é", "\udc80", "\u2028"], ids=ascii)
def test_a_key_that_no_header_can_hold_is_not_repeated(space: str, spoiled: str, provider_server: ProviderServer):
    from morpheus_assets.embedding.providers.base import ProviderOptions
    from morpheus_assets.embedding.providers.registry import open_provider
    from morpheus_assets.embedding.spaces import resolve_text_space

    error: Exception | None
    try:
        options = ProviderOptions(api_key=KEY + spoiled, base_url=provider_server.base_url("401"))
        provider = open_provider(resolve_text_space(space), options)
        _, _, error = run(provider, sentences(2), retry=QUICK)
    except EmbeddingError as refused:
        error = refused
    assert isinstance(error, EmbeddingError)
    assert "_API_KEY" in str(error)
    shown: BaseException | None = error
    while shown is not None:
        assert "secret" not in str(shown)
        shown = shown.__cause__


def test_the_command_line_repeats_no_secret(tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ["PYTHONPATH"],
        "MORPHEUS_DATA_FOLDER": str(tmp_path),
        "MORPHEUS_DATABASE_URL": f"postgresql://morpheus:{PASSWORD}@127.0.0.1:1/nowhere",
        "OPENAI_API_KEY": KEY,
        "MORPHEUS_UI_PORT": KEY,
    }
    for command in (["search", "x"], ["spaces"], ["refused"]):
        done = subprocess.run(
            [sys.executable, "-m", "morpheus_assets.cli.main", *command],
            env=environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        environment.pop("MORPHEUS_UI_PORT", None)
        assert PASSWORD not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
