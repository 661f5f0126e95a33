"""Too little disk, memory, permission or time: one sentence, nothing lost, and what was paid is not paid again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.local_models import explain_out_of_memory
from morpheus_assets.store.accounts.rate_limits import PostgresBudget
from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets.store.database.outages import retry_while_down, sentence_for
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, settings_for, story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider import ProviderServer

MEGABYTE = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 220 MB, where it may be made."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="mps"))
    folder.chmod(0o711)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=220m", "tmpfs", str(folder)], check=False)
    if made.returncode != 0:
        folder.rmdir()
        pytest.skip("only root may mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()


@pytest.mark.slow
def test_a_full_disk_is_named_and_loses_nothing(
    small_disk: Path,
    tmp_path: Path,
    instance: dg.DagsterInstance,
    provider_server: ProviderServer,
    fault_row: FaultRow,
):
    (small_disk / "pg").mkdir()
    sizes = {"max_wal_size": "64MB", "min_wal_size": "48MB", "shared_buffers": "16MB"}
    with EmbeddedPostgres(small_disk / "pg", settings=sizes) as server:
        engine = open_engine(server.url("postgres"))
        migrate(engine)
        url = provider_server.base_url()
        settings = settings_for(tmp_path, server.url("postgres"), openai_base_url=url)
        deployment = Deployment(settings, engine, instance, provider_server)
        deployment.drop("anna.txt", story(seed=1))
        assert deployment.ingest("anna").success
        before = deployment.rows("SELECT content_hash, embedding::text FROM embeddings_1 ORDER BY 1")

        filler = small_disk / "filler"
        free = os.statvfs(small_disk)
        filler.write_bytes(b"\0" * (free.f_bavail * free.f_frsize - 2 * MEGABYTE))
        deployment.drop("emma.txt", story(chapters=60, paragraphs=60, seed=2))
        result = deployment.ingest("emma")
        assert not result.success
        said = failure_of(result)
        assert "disk is full" in said
        assert "run again" in said
        assert "Nothing that was stored is lost" in said
        assert set(before) <= set(deployment.rows("SELECT content_hash, embedding::text FROM embeddings_1"))

        filler.unlink()
        assert deployment.ingest("emma").success
        needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
        [(stored,)] = deployment.rows("SELECT count(*) FROM embeddings_1")
        assert stored == needed
        repeated = provider_server.stats(url)["repeated_inputs"]
        assert repeated <= settings.requests_in_flight * settings.inputs_per_request
        fault_row("a full disk under Postgres in an ingest", sentence=said, lost=needed - stored, paid_twice=repeated)
        engine.dispose()


@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only file system is made by root")
def test_a_folder_that_only_allows_reading_is_named(small_disk: Path, fault_row: FaultRow):
    (small_disk / "data").mkdir()
    (small_disk / "content" / "novels").mkdir(parents=True)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    environment = {
        "PATH": os.environ["PATH"],
        "MORPHEUS_DATA_FOLDER": str(small_disk / "data"),
        "MORPHEUS_CONTENT": str(small_disk / "content"),
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
    }
    done = subprocess.run(
        [sys.executable, "-m", "morpheus_assets.cli.main", "up"],
        env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert "MORPHEUS_DATA_FOLDER" in done.stderr
    assert "Traceback" not in done.stderr
    fault_row("`up` over a read-only file system", sentence=done.stderr)


def test_content_that_may_only_be_read_is_ingested(deployment: Deployment):
    deployment.drop("emma.txt", story())
    for path in [*deployment.settings.content.rglob("*"), deployment.settings.content]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert deployment.ingest("emma").success


STARVED = """
import resource
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.registry import open_provider
from morpheus_assets.embedding.packs import EmbeddingInput
from morpheus_assets.embedding.spaces import parse_space_names, resolve_text_space
from morpheus_assets.embedding.stream import embed_batches
[name] = parse_space_names("sentence-transformers/all-MiniLM-L6-v2")
provider = open_provider(resolve_text_space(name), ProviderOptions(torch_threads=1))
resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
try:
    list(embed_batches(provider, [EmbeddingInput(b"h" * 32, "A ship came home.")]))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_no_memory_for_torch_is_one_sentence(fault_row: FaultRow):
    done = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.startswith("ConfigurationError The machine has too little memory for all-MiniLM-L6-v2"), done
    assert "MORPHEUS_TEXT_SPACES" in done.stdout
    fault_row("400 MB of memory for a model", sentence=done.stdout.removeprefix("ConfigurationError "))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_lack_of_memory_names_the_model_and_the_setting(error: Exception):
    said = r"too little memory for tiny.*MORPHEUS_IMAGE_SPACES"
    with pytest.raises(ConfigurationError, match=said), explain_out_of_memory("tiny", "MORPHEUS_IMAGE_SPACES"):
        raise error
    with pytest.raises(RuntimeError, match="something else"), explain_out_of_memory("tiny", "X"):
        raise RuntimeError("something else")


@pytest.mark.parametrize("at", [4_102_444_800, 1, 0], ids=["2100", "1970", "the beginning"])
def test_a_file_from_another_time_is_ingested_once(deployment: Deployment, at: int):
    from morpheus_assets.defs.sensors.new_content import new_novels_sensor
    from morpheus_assets_tests.defs.sensors.test_new_content import Watcher

    path = deployment.drop("emma.txt", story())
    os.utime(path, (at, at))
    watcher = Watcher(deployment, new_novels_sensor)
    assert watcher.asked_for() == ["emma"]
    assert deployment.ingest("emma").success
    os.utime(path, (2 * at + 5, 2 * at + 5))
    assert watcher.asked_for() == []


@pytest.mark.parametrize("ahead", ["2 hours", "3 days"])
def test_a_clock_that_was_set_back_does_not_hold_requests_up(engine, ahead: str, fault_row: FaultRow):
    import asyncio
    import time

    budget = PostgresBudget(engine, "openai", 1000, 1_000_000)
    asyncio.run(budget.take(1, 10))
    slot = datetime.now(UTC).timestamp() + (7200 if "hours" in ahead else 3 * 86400)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE rate_limits SET paused_until = now() + interval '{ahead}', recent = '[[{slot}, 999, 999999]]'"
        )
    started = time.monotonic()
    asyncio.run(budget.take(1, 10))
    asyncio.run(budget.pause(0.5))
    asyncio.run(budget.take(1, 10))
    took = time.monotonic() - started
    assert 0.5 <= took < 100, "and not for hours"
    fault_row(f"the server's clock is set back by {ahead} under the rate limit", seconds=took)


def test_a_fault_of_the_database_is_waited_out_only_when_it_passes_by_itself():
    calls = []

    def restarting() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise psycopg.errors.AdminShutdown("terminating connection due to administrator command")
        return "back"

    assert retry_while_down(restarting, seconds=10) == "back"
    with pytest.raises(psycopg.errors.DiskFull):
        retry_while_down(lambda: (_ for _ in ()).throw(psycopg.errors.DiskFull("no room")), seconds=10)
    said = sentence_for(psycopg.errors.DiskFull("could not extend file\nHINT: Check free disk space."))
    assert said == ("The database's disk is full: free some room on it and run again. Nothing that was stored is lost.")
    assert "\n" not in str(sentence_for(psycopg.errors.SyntaxError("bad\nLINE 1")))
    assert sentence_for(ValueError("x")) is None
