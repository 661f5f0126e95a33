"""`morpheus mcp`: the library for an assistant that starts this command and talks to it over its standard streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from morpheus_assets.cli.common import one_sentence, settings
from morpheus_assets.services.running_api import api_key_header, running_api
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    import httpx


@click.command()
def mcp() -> None:
    """Answer an assistant over stdin and stdout. It speaks the Model Context Protocol."""
    import asyncio

    with one_sentence():
        asyncio.run(_serve(settings()))


async def _serve(known: Settings) -> None:
    from morpheus_assets.api.app import VERSION
    from morpheus_assets.api.assistants.tools import assistant_server

    async with _api(known) as client:
        await assistant_server(client, VERSION).run_stdio_async()


@asynccontextmanager
async def _api(known: Settings) -> "AsyncIterator[httpx.AsyncClient]":
    """A client of the running API, which has its models at hand, else of one within this process."""
    import httpx

    url = running_api(known)
    if url is not None:
        async with httpx.AsyncClient(
            base_url=url, headers=api_key_header(known), timeout=known.api_timeout_seconds, trust_env=False
        ) as client:
            yield client
        return
    from morpheus_assets.api.app import build_app

    # nobody else reaches it, so that it asks for no key
    app = build_app(known.model_copy(update={"api_keys": None, "api_read_keys": None}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client
