"""The tools of an assistant, each a request to the HTTP API: its keys, limits and errors hold here too.

Answers are small, and every one has the place that it can be cited by (https://modelcontextprotocol.io).
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import httpx
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

# What a passage may take of an assistant's memory; `read` gives the rest.
LONGEST_PASSAGE = 1200
LONGEST_READING = 8000
_PANEL_WIDTH = 512
_KEY_HEADERS = ("authorization", "x-api-key")
_LOOKS_ONLY = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
_INSTRUCTIONS = """Novels and comic panels of one studio, found by meaning.
Quote a passage together with its `place`. `read` shows what stands before and after it."""

Novel = Annotated[str | None, Field(description="Only in this novel: its name as `list_novels` gives it.")]
Count = Annotated[int, Field(ge=1, le=20, description="Results at most.")]


class Place(BaseModel):
    """Where a piece of text stands; offsets are characters of the novel's text."""

    novel: str
    title: str | None
    chapter: int
    chapter_title: str | None
    char_start: int
    char_end: int


class FoundPassage(BaseModel):
    """A passage, shortened where it is long; `similarity` is the cosine to the question."""

    id: str
    place: Place
    similarity: float | None
    passage: str


class FoundPassages(BaseModel):
    """Passages, best first; `notes` is what else a person should know."""

    passages: list[FoundPassage]
    notes: list[str]


class FoundPanel(BaseModel):
    """A comic panel; `show_panel` gives its picture."""

    id: str
    novel: str
    file: str
    similarity: float


class FoundPanels(BaseModel):
    """Panels, best first."""

    panels: list[FoundPanel]
    notes: list[str]


class Reading(BaseModel):
    """Text of a novel from `char_start` to `char_end` of `length` characters."""

    novel: str
    title: str | None
    char_start: int
    char_end: int
    length: int
    text: str


class StoredNovel(BaseModel):
    """A novel and how much is stored of it."""

    novel: str
    title: str | None
    author: str | None
    language: str
    chapters: int
    passages: int
    panels: int


class StoredNovels(BaseModel):
    """All novels, by name."""

    novels: list[StoredNovel]


def assistant_server(api: httpx.AsyncClient, version: str) -> MCPServer:
    """The server of all tools, over a client of the HTTP API.

    The key that a request came with goes on to the API. A tool fails with the API's own sentence.
    """
    # at INFO each call and each request behind it is a line on the assistant's terminal
    server = MCPServer(
        "morpheus-assets", title="Morpheus Assets", instructions=_INSTRUCTIONS, version=version, log_level="WARNING"
    )

    async def ask(context: Context[Any, Any], path: str, parameters: Mapping[str, Any]) -> httpx.Response:
        given = context.headers or {}
        headers = {name: given[name] for name in _KEY_HEADERS if name in given}
        known = {name: value for name, value in parameters.items() if value is not None}
        try:
            answer = await api.get(path, params=known, headers=headers)
        except httpx.HTTPError as error:
            raise ToolError(f"The API does not answer ({type(error).__name__}); try again in a moment.") from None
        if answer.is_error:
            raise ToolError(_said(answer))
        return answer

    def tool(title: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return server.tool(title=title, annotations=_LOOKS_ONLY)

    @tool("Search passages")
    async def search_passages(
        question: Annotated[str, Field(min_length=1, max_length=4000, description="What to look for, in words.")],
        context: Context[Any, Any],
        novel: Novel = None,
        chapter: Annotated[int | None, Field(description="Only in this chapter's number; needs `novel`.")] = None,
        mode: Annotated[
            Literal["hybrid", "vector", "text"], Field(description="By meaning and words, meaning alone, words alone.")
        ] = "hybrid",
        count: Count = 5,
    ) -> FoundPassages:
        """Find passages of the novels that answer a question or fit a description."""
        parameters = {"q": question, "novel": novel, "chapter": chapter, "mode": mode, "k": count, "kind": "text"}
        return _passages((await ask(context, "/api/embeddings/search", parameters)).json())

    @tool("Similar passages")
    async def similar_passages(
        id: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="The id of a passage that was found.")],
        context: Context[Any, Any],
        novel: Novel = None,
        count: Count = 5,
    ) -> FoundPassages:
        """Find passages that are like one that was found before."""
        parameters = {"like": id, "novel": novel, "k": count, "kind": "text"}
        return _passages((await ask(context, "/api/embeddings/search", parameters)).json())

    @tool("Search panels")
    async def search_panels(
        description: Annotated[str, Field(min_length=1, max_length=4000, description="What the picture shows.")],
        context: Context[Any, Any],
        novel: Novel = None,
        count: Count = 5,
    ) -> FoundPanels:
        """Find comic panels by what they show."""
        parameters = {"q": description, "novel": novel, "k": count, "kind": "panels"}
        found = (await ask(context, "/api/embeddings/search", parameters)).json()
        panels = [
            FoundPanel(id=each["id"], novel=each["novel"], file=each["path"], similarity=each["similarity"])
            for each in found["panels"]
        ]
        return FoundPanels(panels=panels, notes=found["notes"])

    @tool("Show a panel")
    async def show_panel(
        id: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="The id of a panel that was found.")],
        context: Context[Any, Any],
    ) -> Image:
        """Give a panel's picture, 512 pixels wide at most."""
        answer = await ask(context, f"/api/panels/{id}", {"width": _PANEL_WIDTH})
        kind = answer.headers["content-type"].partition(";")[0].removeprefix("image/")
        return Image(data=answer.content, format=kind)

    @tool("Read around a place")
    async def read(
        novel: Annotated[str, Field(description="The novel's name.")],
        char_start: Annotated[int, Field(ge=0, description="An offset into its text, as results give it.")],
        context: Context[Any, Any],
        before: Annotated[int, Field(ge=0, le=LONGEST_READING // 2, description="Characters before it.")] = 500,
        after: Annotated[int, Field(ge=1, le=LONGEST_READING // 2, description="Characters from there on.")] = 2000,
    ) -> Reading:
        """Read a novel's text around a place, such as the one of a passage that was found."""
        parameters = {"start": max(0, char_start - before), "end": char_start + after}
        answer = await ask(context, f"/api/novels/{novel}/text", parameters)
        return Reading.model_validate(answer.json())

    @tool("List novels")
    async def list_novels(context: Context[Any, Any]) -> StoredNovels:
        """List all novels with author, language, and how many chapters, passages and panels they have."""
        return StoredNovels.model_validate((await ask(context, "/api/novels", {})).json())

    return server


def _passages(found: Mapping[str, Any]) -> FoundPassages:
    passages = [
        FoundPassage(
            id=each["id"],
            place=Place.model_validate(each),
            similarity=each["similarity"],
            passage=_shortened(each["passage"]),
        )
        for each in found["passages"]
    ]
    return FoundPassages(passages=passages, notes=found["notes"])


def _shortened(passage: str) -> str:
    return passage if len(passage) <= LONGEST_PASSAGE else passage[:LONGEST_PASSAGE].rstrip() + " …"


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The API answered {answer.status_code}."
