"""Wall time and peak memory of a run over War and Peace beside one over a 61-chapter novel.

    .venv/bin/python -m bench.ingest_memory [--local]

By default against the fake provider at 100 ms a request (text-embedding-3-large, 3072 dimensions); with --local the
default local model. Each ingest is a process of its own, as a run launcher starts it; its start-up is part of the wall.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.deployment import SHARED_NOVELS, throwaway
from morpheus_assets.settings import PROJECT_FOLDER

NOVELS = ("pride-and-prejudice.txt", "war-and-peace-latin1.txt")


def ingest(environment: dict[str, str], home: Path, *novels: str) -> tuple[float, float]:
    """(seconds, peak RSS in MB) of one ingest process."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "morpheus_assets.defs.ingest_here", "--texts", *novels],
        env=environment,
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the ingest of {novels} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    local = "--local" in sys.argv
    provider = None
    spaces = "sentence-transformers/all-MiniLM-L6-v2" if local else "openai/text-embedding-3-large"
    if not local:
        provider = subprocess.Popen(
            [sys.executable, "-m", "morpheus_assets_tests.fixtures.provider_server", "--latency-ms", "100"],
            cwd=PROJECT_FOLDER,
            stdout=subprocess.PIPE,
            text=True,
        )
    home = Path(tempfile.mkdtemp())
    try:
        with throwaway() as settings:
            assert settings.database_url is not None
            environment = {
                **os.environ,
                "DAGSTER_HOME": str(home),
                "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
                "MORPHEUS_CONTENT": str(settings.content),
                "MORPHEUS_DATA_FOLDER": str(settings.data_folder),
                "MORPHEUS_DOTENV": os.devnull,
                "MORPHEUS_TEXT_SPACES": spaces,
                "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
                "MORPHEUS_SAMPLES": "false",
                "PYTHONPATH": str(PROJECT_FOLDER),
            }
            if provider is not None and provider.stdout is not None:
                environment["OPENAI_BASE_URL"] = f"{provider.stdout.readline().strip()}/v1"
                environment["OPENAI_API_KEY"] = "sk-bench"
            peaks = []
            for name in NOVELS:
                shutil.copy(SHARED_NOVELS / name, settings.novels_folder / name)
                for what in ("new", "again"):
                    seconds, peak = ingest(environment, home, Path(name).stem)
                    print(f"{name:<28}{what:<7}{seconds:>8.1f} s{peak:>8.0f} MB", flush=True)
                    if what == "new":
                        peaks.append(peak)
            print(f"peak of the long novel / of the short one: {peaks[1] / peaks[0]:.2f}")
    finally:
        if provider is not None:
            provider.terminate()
            provider.wait()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
