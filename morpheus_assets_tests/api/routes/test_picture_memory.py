"""Small files that decode to gigantic pictures, sent all at once to an API in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from bench.picture_uploads import SIDE, grey, measure
from bench.serving_setup import percentile
from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests.api.conftest import SECRET, SPACE
from morpheus_assets_tests.fixtures.ports import free_port
from morpheus_assets_tests.fixtures.provider import ProviderServer
from morpheus_assets_tests.fixtures.waiting import answers, eventually


@pytest.fixture
def served(
    database_url: str, provider_server: ProviderServer, tmp_path: Path, add_embedded: Callable
) -> Iterator[tuple[str, int]]:
    """The address and the process of an API whose models are loaded."""
    add_embedded("alpha", ["The lamp burns at night."])
    port = free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MORPHEUS_", "OPENAI_"))}
    own |= {
        "MORPHEUS_DATABASE_URL": database_url, "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "MORPHEUS_CONTENT": str(tmp_path / "content"), "MORPHEUS_TEXT_SPACES": SPACE, "OPENAI_API_KEY": SECRET,
        "OPENAI_BASE_URL": provider_server.base_url(), "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
        "MORPHEUS_TORCH_THREADS": "1", "MORPHEUS_API_PORT": str(port), "MORPHEUS_API_TIMEOUT_SECONDS": "600",
    }  # fmt: skip
    command = [sys.executable, "-m", "morpheus_assets.cli.main", "serve"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=own, cwd=PROJECT_FOLDER, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        assert eventually(lambda: answers(port) or process.poll() is not None, 600)
        first = httpx.post(f"{url}/api/embeddings/image", files={"file": ("a.png", grey(SIDE - 1))}, timeout=300)
        assert first.status_code == 200, first.text
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(70)


@pytest.mark.slow(20)
def test_gigantic_pictures_take_turns_give_their_memory_back_and_hold_up_no_search(served: tuple[str, int]):
    loaded = psutil.Process(served[1]).memory_info().rss
    found = measure(*served, uploads=8)
    assert found.statuses == {200: 8}
    # one picture of 64 million pixels is 320 MB with what it is made from; eight at once would be 2.5 GB
    assert found.most - loaded < 600e6, f"{found.most - loaded:,}"
    assert found.after - loaded < 150e6, f"{found.after - loaded:,}"
    assert percentile(found.searches, 0.95) < found.seconds / 4, "as much as two of the eight pictures"
