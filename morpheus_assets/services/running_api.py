"""The API that serves this data folder, for other commands: a model that it has loaded need not be loaded again.

Where it listens is kept in a file of the data folder, which only its owner can read, for as long as it runs.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import psutil

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.providers.base import InputType
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


async def vectors_of_api(
    settings: Settings, space: Space, texts: Sequence[str], input_type: InputType
) -> np.ndarray | None:
    """The vectors [texts, dimensions], float32, of texts of any length in a text space, from the running API.

    None when there is no API, or it cannot say: it was started with other settings, is busy, or breaks.
    """
    url = running_api(settings)
    if url is None:
        return None
    import httpx

    try:
        async with httpx.AsyncClient(timeout=httpx.Timeout(ANSWER_SECONDS, connect=1.0), trust_env=False) as client:
            answer = await client.post(
                f"{url}/api/embeddings/text",
                json={"input": list(texts), "model": space.key, "input_type": input_type},
                headers=api_key_header(settings),
            )
        found = answer.raise_for_status().json()
        vectors = np.asarray(found["embeddings"], np.float32)
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    fits = found.get("space") == space.key and vectors.shape == (len(texts), space.dimensions)
    return vectors if fits else None


def api_key_header(settings: Settings) -> dict[str, str]:
    """The header by which this deployment's own commands pass the API's gate; {} without keys."""
    if settings.api_keys is None:
        return {}
    first = next((each for each in settings.api_keys.get_secret_value().split(",") if each.strip()), "")
    name, colon, key = (each.strip() for each in first.partition(":"))
    return {"X-API-Key": key if colon else name}
