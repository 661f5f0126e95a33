import asyncio
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets_tests.api.conftest import SECRET, Api

SHIP = "The ship came home without a crew. Her sails were torn and her captain was gone."
LONG = "Rain fell on the empty square. " * 60
KEY = "studio-key-0123456789"


@pytest.fixture
def shelf(add_embedded: Callable[..., list[bytes]]) -> list[bytes]:
    return add_embedded("alpha", ["Every evening the robot lit the lamps.", SHIP]) + add_embedded("beta", [LONG])


def over_http(api: Api, work: Callable[[Client], Awaitable[Any]], key: str | None = None) -> Any:
    """What `work` returns for a client of the API's own /mcp."""

    async def run() -> Any:
        headers = {"X-API-Key": key} if key else {}
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False) as http,
            Client(streamable_http_client(f"{api.url}/mcp", http_client=http)) as client,
        ):
            return await work(client)

    return asyncio.run(run())


def called(tool: str, **arguments: Any) -> Callable[[Client], Awaitable[Any]]:
    async def work(client: Client) -> Any:
        return await client.call_tool(tool, arguments)

    return work


def test_every_tool_explains_itself_and_only_looks(api: Api):
    async def work(client: Client) -> Any:
        return (await client.list_tools()).tools

    tools = over_http(api, work)
    assert {tool.name for tool in tools} == {
        "search_passages", "similar_passages", "search_panels", "show_panel", "read", "list_novels",
    }  # fmt: skip
    for tool in tools:
        assert tool.description
        assert tool.annotations.read_only_hint
        for name, field in tool.input_schema["properties"].items():
            assert field["description"], f"{tool.name}.{name}"


def test_a_passage_is_found_with_the_place_to_cite_and_can_be_read_on_from_there(api: Api, shelf: list[bytes]):
    found = over_http(api, called("search_passages", question="the ship without a crew", count=1)).structured_content
    [passage] = found["passages"]
    assert passage["passage"] == SHIP
    place = passage["place"]
    assert (place["novel"], place["chapter"], passage["id"]) == ("alpha", 1, shelf[1].hex())
    read = over_http(api, called("read", novel="alpha", char_start=place["char_start"], before=10, after=len(SHIP)))
    text = read.structured_content
    at = place["char_start"] - text["char_start"]
    assert text["text"][at : at + len(SHIP)] == SHIP


def test_a_long_passage_is_shortened_and_what_is_like_it_is_found_by_its_id(api: Api, shelf: list[bytes]):
    found = over_http(api, called("search_passages", question=LONG[:200], novel="beta")).structured_content
    [passage] = found["passages"]
    assert passage["passage"].endswith(" …")
    assert len(passage["passage"]) < 1300
    like = over_http(api, called("similar_passages", id=shelf[0].hex(), count=1)).structured_content
    assert like["passages"][0]["id"] != shelf[0].hex()


def test_what_cannot_be_answered_is_the_api_s_own_sentence(api: Api, shelf: list[bytes]):
    answer = over_http(api, called("search_passages", question="lamps", novel="gamma"))
    assert answer.is_error
    assert "No novel named 'gamma' is stored" in answer.content[0].text
    answer = over_http(api, called("search_passages", question="lamps", count=1000))
    assert answer.is_error


def test_novels_are_listed_and_a_panel_is_shown_as_a_picture(
    start_api: Callable[..., Api], shelf: list[bytes], tmp_path: Path, engine: Any
):
    import hashlib

    buffer = io.BytesIO()
    Image.new("RGB", (900, 600), "orange").save(buffer, "PNG")
    folder = tmp_path / "content" / "panels" / "alpha"
    folder.mkdir(parents=True)
    (folder / "1.png").write_bytes(buffer.getvalue())
    key = hashlib.sha256(buffer.getvalue()).digest()
    panel = PanelRecord("1.png", "stored", len(buffer.getvalue()), content_hash=key, width=900, height=600)
    replace_panels(engine, "alpha", [panel])
    api = start_api()
    novels = over_http(api, called("list_novels")).structured_content["novels"]
    assert [(novel["novel"], novel["passages"], novel["panels"]) for novel in novels] == [
        ("alpha", 2, 1),
        ("beta", 1, 0),
    ]
    picture = over_http(api, called("show_panel", id=key.hex())).content[0]
    assert (picture.type, picture.mime_type) == ("image", "image/jpeg")


def test_the_same_keys_hold_as_for_the_rest_of_the_api(start_api: Callable[..., Api], shelf: list[bytes]):
    api = start_api(api_keys=f"studio:{KEY}")
    answer = api.client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == 401
    assert api.client.get("/mcp", headers={"X-API-Key": KEY}).status_code == 405
    novels = over_http(api, called("list_novels"), key=KEY).structured_content["novels"]
    assert [novel["novel"] for novel in novels] == ["alpha", "beta"]


@pytest.mark.slow
def test_the_command_answers_over_its_standard_streams_without_an_api_and_is_quiet(
    api: Api, shelf: list[bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    settings = api.settings
    assert settings.database_url is not None
    environment = {
        **os.environ,
        "MORPHEUS_DOTENV": os.devnull,
        "MORPHEUS_DATABASE_URL": settings.database_url.get_secret_value(),
        "MORPHEUS_DATA_FOLDER": str(tmp_path / "data"),
        "MORPHEUS_CONTENT": str(tmp_path / "content"),
        "MORPHEUS_TEXT_SPACES": settings.text_spaces,
        "OPENAI_API_KEY": SECRET,
        "OPENAI_BASE_URL": settings.openai_base_url or "",
    }
    command = [sys.executable, "-m", "morpheus_assets.cli.main", "mcp"]

    async def run() -> Any:
        server = StdioServerParameters(command=command[0], args=command[1:], env=environment)
        async with Client(server) as client:
            return await client.call_tool("search_passages", {"question": "the ship without a crew", "count": 1})

    answer = asyncio.run(run())
    assert answer.structured_content["passages"][0]["passage"] == SHIP
    assert json.loads(answer.content[0].text) == answer.structured_content
    assert "INFO" not in capfd.readouterr().err
