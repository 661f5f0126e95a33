"""The API that serves this data folder, for other commands: a model that it has loaded need not be loaded again.

Where it listens is kept in a file of the data folder, which only its owner can read, for as long as it runs.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import psutil

from morpheus_assets.domain.spaces import Space
from morpheus_assets.settings import Settings

FILE = "api.json"
# The API may be loading the model for the first time; a command that gave up would only do the same once more.
ANSWER_SECONDS = 30.0


@contextmanager
def announced(settings: Settings, url: str) -> Iterator[None]:
    """Let commands find the API of this process at `url` while the block runs."""
    path = settings.data_folder / FILE
    me = psutil.Process()
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"url": url, "pid": me.pid, "started": me.create_time()}, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_api(settings: Settings) -> str | None:
    """The address of the API that runs over this data folder; None when there is none."""
    try:
        found = json.loads((settings.data_folder / FILE).read_text("utf-8"))
        url, started = str(found["url"]), float(found["started"])
        # after a kill the file is left, and its port may be anyone's
        alive = psutil.Process(int(found["pid"])).create_time() == started
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return url if alive else None


def query_vector_of_api(settings: Settings, space: Space, text: str) -> np.ndarray | None:
    """The vector [dimensions], float32, of a query in a text space, from the running API.

    None when there is no API, or it cannot say: it was started with other settings, is busy, or breaks.
    """
    url = running_api(settings)
    if url is None:
        return None
    try:
        answer = httpx.post(
            f"{url}/api/embeddings/text",
            json={"input": text, "model": space.key, "input_type": "query"},
            headers=_key(settings),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=1.0),
            trust_env=False,
        ).raise_for_status()
        found = answer.json()
        vector = np.asarray(found["embeddings"][0], np.float32)
    except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError):
        return None
    fits = found.get("space") == space.key and vector.shape == (space.dimensions,) and not found.get("joined")
    return vector if fits else None


def _key(settings: Settings) -> dict[str, str]:
    if settings.api_keys is None:
        return {}
    first = settings.api_keys.get_secret_value().split(",")[0].strip()
    name, colon, key = first.partition(":")
    return {"X-API-Key": key if colon else name}
