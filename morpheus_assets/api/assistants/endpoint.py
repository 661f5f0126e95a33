"""The tools over HTTP, at /mcp of the API: stateless, so that any process can answer any request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


class AssistantEndpoint:
    """An ASGI application over another one, whose routes its tools ask; it is made when it is first asked.

    The package behind it costs .3 s to import, which an API that no assistant asks does not pay.
    """

    def __init__(self, api: ASGIApp, version: str) -> None:
        self._api, self._version = api, version
        self._wanted = asyncio.Event()
        self._made: asyncio.Future[StreamableHTTPSessionManager]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Answer requests while the block runs."""
        self._made = asyncio.get_running_loop().create_future()
        living = asyncio.create_task(self._live())
        try:
            yield
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            self._made.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of the protocol."""
        self._wanted.set()
        manager = await asyncio.shield(self._made)
        await manager.handle_request(scope, receive, send)

    async def _live(self) -> None:
        # the manager's tasks must end in the task that began them, which a request's is not
        await self._wanted.wait()
        transport = httpx.ASGITransport(app=self._api)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                manager = await asyncio.to_thread(_manager, client, self._version)
                async with manager.run():
                    self._made.set_result(manager)
                    await asyncio.Event().wait()
        except Exception as error:
            self._made.set_exception(error)


def _manager(client: httpx.AsyncClient, version: str) -> "StreamableHTTPSessionManager":
    from mcp.server.transport_security import TransportSecuritySettings

    from morpheus_assets.api.assistants.tools import assistant_server

    server = assistant_server(client, version)
    # the API's own gate has decided who may ask, from where and how much
    gate = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    server.streamable_http_app(stateless_http=True, json_response=True, transport_security=gate)
    return server.session_manager
