"""`morpheus serve`: the HTTP API in one process; where it may bind, and how it ends without cutting anyone off."""

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import Any, ClassVar

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from morpheus_assets.api.app import build_app
from morpheus_assets.api.middleware.access import is_loopback
from morpheus_assets.api.middleware.request_log import log_to_stderr
from morpheus_assets.services.connections import StartFailed
from morpheus_assets.services.provider_keys import master_keys
from morpheus_assets.services.running_api import announced
from morpheus_assets.services.thread_switching import switch_threads_soon
from morpheus_assets.settings import Settings

# A provider's slowest request, and a little for what follows it.
GRACE_SECONDS = 65
MOST_CONNECTIONS = 2000
# How many of them one other machine may hold.
MOST_OF_ONE_ADDRESS = 500
# The line and the headers of a request must be there by then, and may be as long.
HEADER_SECONDS = 10.0
MOST_HEADER_BYTES = 64 * 1024


def serve(settings: Settings, say: Callable[[str], None], *, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight are finished first.

    Raises StartFailed, and KeyUnusable for what is no master key.
    """
    host, port = host or settings.api_host, port or settings.api_port
    if settings.api_keys is None and settings.api_read_keys is None and not is_loopback(host):
        raise StartFailed(
            f"Without MORPHEUS_API_KEYS the API serves this machine only and does not bind to {host}: set keys, or"
            " use 127.0.0.1."
        )
    master_keys(settings)
    try:
        app = build_app(settings)
    except ValueError as error:
        raise StartFailed(str(error)) from None
    _check_free(host, port)
    log_to_stderr()
    switch_threads_soon()
    config = server_config(app, host, port)
    url = f"http://{_reachable(host)}:{port}"
    say(f"Search page and API: {url}/")
    with announced(settings, url):
        _Server(config, app).run()


def server_config(app: Starlette, host: str, port: int) -> uvicorn.Config:
    """How the application is served: the limits of connections are its own, those of requests are access.py's."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=MOST_CONNECTIONS,
        backlog=1024,
    )


class _Connection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Ends a connection whose request does not come: uvicorn waits for headers, and for what nobody reads, for ever."""

    _of_address: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._unread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._address = self.client[0] if self.client else ""
        self._of_address[self._address] += 1
        if self._of_address[self._address] > MOST_OF_ONE_ADDRESS and not is_loopback(self._address):
            transport.close()
            return
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._disarm()
            return
        self._unread += len(data)
        if self._unread > MOST_HEADER_BYTES:
            self._end(431)
        elif self._timer is None:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._of_address[self._address] -= 1
        if not self._of_address[self._address]:
            del self._of_address[self._address]
        super().connection_lost(exc)

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(HEADER_SECONDS, self._end, 408)

    def _disarm(self) -> None:
        self._unread = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, status: int) -> None:
        if self.transport.is_closing():
            return
        if self._unread and self.cycle is None:
            phrase = HTTPStatus(status).phrase
            self.transport.write(
                f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
            )
        self.transport.close()


class _Server(uvicorn.Server):
    """Tells open streams to end, so that they do not hold up the end of the process."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.stop()
        # uvicorn's own way raises the signal again at the end, and a process that was asked to end would look killed
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _reachable(host: str) -> str:
    """The host as this machine's own programs write it into a URL."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{anywhere}]" if ":" in anywhere else anywhere


def _check_free(host: str, port: int) -> None:
    """Say in one sentence what uvicorn would say in a stack trace."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise StartFailed(
                f"The API cannot bind to {host}:{port} ({error.strerror}); set MORPHEUS_API_PORT to a free port."
            ) from None
