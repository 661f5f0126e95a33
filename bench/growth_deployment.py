"""Where a corpus grows: a throw-away Postgres that can be restarted cold, and the endpoint beside it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.deployment import migrated_server, settings_in
from bench.growth_meters import Meters, forget_cached, postmaster_of
from morpheus_assets.settings import PROJECT_FOLDER, Settings
from morpheus_assets.store.database.embedded import EmbeddedPostgres


@dataclass
class Place:
    settings: Settings
    server: EmbeddedPostgres
    meters: Meters

    @property
    def url(self) -> str:
        return self.server.url()

    def restart_cold(self) -> None:
        """Stop the server, let its files go from the kernel's cache, start it again."""
        self.server.stop()
        forget_cached(self.server.data_folder)
        self.server.start()
        self.meters.postgres = postmaster_of(self.url)

    def run_alone(self, novel: str) -> int:
        """Ingest one novel in a process of its own, as a run launcher starts it; the most bytes that process held."""
        home = self.settings.content.parent / "home"
        home.mkdir(exist_ok=True)
        assert self.settings.openai_api_key is not None
        given = {
            "DAGSTER_HOME": str(home),
            "MORPHEUS_DATABASE_URL": self.url,
            "MORPHEUS_CONTENT": str(self.settings.content),
            "MORPHEUS_DATA_FOLDER": str(self.settings.data_folder),
            "MORPHEUS_DOTENV": os.devnull,
            "MORPHEUS_TEXT_SPACES": str(self.settings.text_spaces),
            "MORPHEUS_IMAGE_SPACES": str(self.settings.image_spaces),
            "MORPHEUS_SAMPLES": "false",
            "OPENAI_BASE_URL": str(self.settings.openai_base_url),
            "OPENAI_API_KEY": self.settings.openai_api_key.get_secret_value(),
            "PYTHONPATH": str(PROJECT_FOLDER),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "morpheus_assets.defs.ingest_here", "--texts", novel],
            cwd=home, env={**os.environ, **given}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        most = 0
        # Not from wait4: its ru_maxrss begins with what the parent held when it forked.
        while process.poll() is None:
            most = max(most, _high_water(process.pid))
            time.sleep(0.02)
        if process.returncode:
            raise SystemExit(f"the run over {novel} failed")
        return most


def _high_water(pid: int) -> int:
    """The most bytes that a process has held, or 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


@contextmanager
def place(dimensions: int) -> Iterator[Place]:
    """Everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mpg"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(migrated_server(folder / "pg"))
        provider = subprocess.Popen(
            [sys.executable, "-m", "bench.growth_provider", "--dimensions", str(dimensions)],
            cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        stack.callback(provider.wait)
        stack.callback(provider.terminate)
        assert provider.stdout is not None
        settings = settings_in(
            folder, server, text_spaces=f"openai/text-embedding-3-large@{dimensions}",
            openai_base_url=provider.stdout.readline().strip(), openai_api_key="sk-bench",
            requests_per_minute=10**6, tokens_per_minute=10**12,
        )  # fmt: skip
        yield Place(settings, server, Meters(postmaster_of(server.url()), psutil.Process(provider.pid)))
