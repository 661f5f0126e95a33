"""`morpheus serve`: the HTTP API in one process; where it may bind, and how it ends without cutting anyone off."""

import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from morpheus_assets.api.app import build_app
from morpheus_assets.api.middleware.access import is_loopback
from morpheus_assets.api.middleware.request_log import log_to_stderr
from morpheus_assets.services.connections import StartFailed
from morpheus_assets.services.provider_keys import master_keys
from morpheus_assets.services.running_api import announced
from morpheus_assets.settings import Settings

# A provider's slowest request, and a little for what follows it.
GRACE_SECONDS = 65


def serve(settings: Settings, say: Callable[[str], None], *, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight are finished first.

    Raises StartFailed, and KeyUnusable for what is no master key.
    """
    host, port = host or settings.api_host, port or settings.api_port
    if settings.api_keys is None and not is_loopback(host):
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
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=2000,
        backlog=1024,
    )
    url = f"http://{_reachable(host)}:{port}"
    say(f"Search page and API: {url}/")
    with announced(settings, url):
        _Server(config, app).run()


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
