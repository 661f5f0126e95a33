"""The API that serves this data folder, for other commands: a model that it has loaded need not be loaded again.

Where it listens is kept in a file of the data folder, which only its owner can read, for as long as it runs.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import psutil

from morpheus_assets.services.process_start import process_start
from morpheus_assets.settings import Settings

FILE = "api.json"
# The API may be loading the model for the first time; a command that gave up would only do the same once more.
ANSWER_SECONDS = 30.0


class ApiSilent(Exception):
    """No API runs over this data folder and database, or it did not answer."""


@contextmanager
def announced(settings: Settings, url: str) -> Iterator[None]:
    """Let commands find the API of this process at `url` while the block runs."""
    from morpheus_assets.store.database.embedded import EmbeddedPostgres

    database = _database(settings)
    if settings.database_url is not None:
        own = EmbeddedPostgres(settings.data_folder).url()
        # `morpheus up` names the embedded server's address, which commands do not
        database = "" if settings.database_url.get_secret_value() == own else database
    path = settings.data_folder / FILE
    me = psutil.Process()
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        found = {"url": url, "pid": me.pid, "started": process_start(me), "database": database}
        json.dump(found, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_api(settings: Settings) -> str | None:
    """The address of the API that runs over this data folder and database; None when there is none."""
    try:
        found = json.loads((settings.data_folder / FILE).read_text("utf-8"))
        url, started = str(found["url"]), float(found["started"])
        # after a kill the file is left, and its port may be anyone's
        alive = process_start(psutil.Process(int(found["pid"]))) == started
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return url if alive and found.get("database") == _database(settings) else None


def _database(settings: Settings) -> str:
    """Names the content database without its password; empty for the embedded one."""
    if settings.database_url is None:
        return ""
    return hashlib.sha256(settings.database_url.get_secret_value().encode()).hexdigest()


def ask_api(
    settings: Settings, method: str, path: str, *, body: bytes | None = None, content_type: str | None = None
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON object of an answer of the running API, asked with this deployment's own key.

    Raises ApiSilent when there is none, and when it gives no such answer in time. Only the standard library: a command
    that asks has nothing else to load.
    """
    url = running_api(settings)
    if url is None:
        raise ApiSilent
    place = urlsplit(url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=ANSWER_SECONDS)
    headers = api_key_header(settings) | ({"Content-Type": content_type} if content_type else {})
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
    except (OSError, HTTPException, ValueError):
        raise ApiSilent from None
    finally:
        connection.close()
    if not isinstance(content, dict):
        raise ApiSilent
    return answer.status, content


def api_key_header(settings: Settings) -> dict[str, str]:
    """The header by which this deployment's own commands pass the API's gate; {} without keys."""
    given = settings.api_keys or settings.api_read_keys
    if given is None:
        return {}
    first = next((each for each in given.get_secret_value().split(",") if each.strip()), "")
    name, colon, key = (each.strip() for each in first.partition(":"))
    return {"X-API-Key": key if colon else name}
