"""Searches of one command: services.search with vectors from the running API, else from the command's own model."""

import asyncio
import hashlib
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import InputRefused, ProviderUnavailable, RequestTooLarge
from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput, RefusedInput
from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.embedding.queries import embed_query
from morpheus_assets.embedding.rate_limits import NoBudget
from morpheus_assets.embedding.retries import FOR_QUERIES
from morpheus_assets.embedding.stream import embed_stream
from morpheus_assets.services.configured_spaces import (
    budget_for_people,
    open_provider,
)
from morpheus_assets.services.connections import connected_engine
from morpheus_assets.services.running_api import vectors_of_api
from morpheus_assets.services.search import NO_PANELS_YET, NOTHING_YET, Found, QueryRefused, Search, SearchQuery
from morpheus_assets.settings import Settings
from morpheus_assets.store.search.hits import PanelHit, TextHit
from morpheus_assets.store.spaces.vectors import read_vectors

WIDTH = 100
_PATIENT = replace(FOR_QUERIES, attempts=2)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """Hits, best first; `notes` is what else a person should know; `nothing_found` is what to say without hits.

    `space` is the key of the space whose vectors answered, empty for a search by words alone.
    """

    hits: Sequence[TextHit | PanelHit]
    notes: Sequence[str] = ()
    nothing_found: str = "Nothing found."
    space: str = ""


class Searching:
    """Searches over one database; made by `open_search`. Each raises as services.search.Search does."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._search = Search(settings, _Inline(engine), _OwnVectors(settings, engine))

    def passages(
        self, text: str, *, k: int = 5, novel: str | None = None, chapter: int | None = None, mode: str = "hybrid"
    ) -> Answer:
        """Passages that `text` describes."""
        query = SearchQuery(q=text, k=k, novel=novel, chapter=chapter, kind="text", mode=mode)
        found = asyncio.run(self._search.find(query))
        return _answer([passage.hit for passage in found.passages], found)

    def panels(self, text: str, *, k: int = 5, novel: str | None = None) -> Answer:
        """Panels that `text` describes."""
        found = asyncio.run(self._search.find(SearchQuery(q=text, k=k, novel=novel, kind="panels")))
        return _answer(found.panels, found)

    def panels_like(self, image: Path, *, k: int = 5, novel: str | None = None) -> Answer:
        """Panels that look like the picture in `image`; raises RefusedImage when it cannot be decoded."""
        from morpheus_assets.images.decoding import decode_panel, opener_of

        data = image.read_bytes()
        panel = decode_panel(data, image.name, max_pixels=self._settings.max_image_pixels)
        query = SearchQuery(k=k, novel=novel, kind="panels")
        found = asyncio.run(self._search.find_like_picture(opener_of(panel, data, image.name), query))
        return _answer(found.panels, found)


def _answer(hits: Sequence[TextHit | PanelHit], found: Found) -> Answer:
    nothing_yet = [note for note in found.notes if note in (NOTHING_YET, NO_PANELS_YET)]
    return Answer(
        hits,
        notes=[note for note in found.notes if note not in nothing_yet],
        nothing_found=nothing_yet[0] if nothing_yet else "Nothing found.",
        space=next(iter(found.spaces.values()), ""),
    )


class _Inline:
    """services.search.Database without threads: a command has nothing else to do meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def call(self, work: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(self._engine, *args, **kwargs)


class _OwnVectors:
    """services.search.QueryVectors for a process that embeds a few inputs and ends."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine

    async def question(self, space: Space, text: str, within: float) -> np.ndarray:
        known = await self._of_api(space, [text], "query")
        if known is not None:
            return known[0]
        provider = self._provider(space)
        try:
            async with answered_within(space, within):
                return await self._of_any_length(provider, space, text)
        finally:
            await provider.close()

    async def sentences(self, space: SpaceRow, texts: Sequence[str], within: float) -> Sequence[np.ndarray]:
        known = await self._of_api(space, texts, "document")
        if known is not None:
            return list(known)
        hashes = [hashlib.sha256(text.encode()).digest() for text in texts]
        found = dict(read_vectors(self._engine, space, hashes))
        inputs = [EmbeddingInput(key, text) for key, text in zip(hashes, texts, strict=True) if key not in found]
        if inputs:
            budget = budget_for_people(self._settings, space, self._engine, "document") or NoBudget()
            async with answered_within(space, within):
                async for arrived in embed_stream(self._provider(space), inputs, budget=budget, retry=_PATIENT):
                    if isinstance(arrived, RefusedInput):
                        raise InputRefused(arrived.reason, hashes.index(arrived.content_hash))
                    if isinstance(arrived, EmbeddedBatch):
                        found.update(zip(arrived.hashes, arrived.embeddings, strict=True))
        return [found[key] for key in hashes]

    async def picture(self, space: Space, picture: Any, within: float) -> np.ndarray:
        provider = self._provider(space)
        try:
            async with answered_within(space, within):
                return await self._embed(provider, space, picture, "document")
        finally:
            await provider.close()

    def _provider(self, space: Space) -> EmbeddingProvider:
        import stamina.instrumentation

        # its own hook prints every further try to stdout, where the hits are
        stamina.instrumentation.set_on_retry_hooks(())
        return open_provider(self._settings, space)

    async def _of_api(self, space: Space, texts: Sequence[str], input_type: InputType) -> np.ndarray | None:
        # loading a text model takes seconds, and the API has it loaded
        if space.purpose != "text" or not is_local(space):
            return None
        return await vectors_of_api(self._settings, space, texts, input_type)

    async def _of_any_length(self, provider: EmbeddingProvider, space: Space, text: str) -> np.ndarray:
        """The vector of a question: whole, or joined from those of the parts that the model takes."""
        from morpheus_assets.embedding.long_inputs import Part, by_parts, join, surely_too_long

        refused: Exception | None = None
        if not surely_too_long(provider, text):
            try:
                return await self._embed(provider, space, text, "query")
            except (InputRefused, RequestTooLarge) as error:
                refused = error

        async def joined(parts: Sequence[Part]) -> np.ndarray:
            rows = [await self._embed(provider, space, part.text, "query") for part in parts]
            return join(np.stack(rows), [part.tokens for part in parts])

        return await by_parts(provider, text, joined, refused=refused)

    async def _embed(
        self, provider: EmbeddingProvider, space: Space, content: Any, input_type: InputType
    ) -> np.ndarray:
        budget = budget_for_people(self._settings, space, self._engine, input_type)
        return await embed_query(provider, content, budget=budget, retry=_PATIENT, input_type=input_type)


@asynccontextmanager
async def answered_within(space: Space, seconds: float) -> AsyncIterator[None]:
    """Raise ProviderUnavailable when the block takes longer, unless the model is one of this machine."""
    try:
        async with asyncio.timeout(None if is_local(space) else seconds) as deadline:
            yield
    except TimeoutError:
        if not deadline.expired():
            raise
        raise ProviderUnavailable(f"{space.provider} did not answer within {seconds:.1f} seconds.") from None


@contextmanager
def open_search(settings: Settings) -> Iterator[Searching]:
    """Searches over the configured or the running embedded database; raises DatabaseNotRunning or StoreError.

    A query that is refused ends the command with its sentence.
    """
    with connected_engine(settings) as engine:
        try:
            yield Searching(settings, engine)
        except QueryRefused as error:
            raise click.ClickException(str(error)) from error


def hit_as_dict(hit: TextHit | PanelHit) -> dict[str, Any]:
    """A hit, JSON-ready; the content hash in hex."""
    return asdict(hit) | {"content_hash": hit.content_hash.hex()}


def format_hit(hit: TextHit | PanelHit) -> str:
    """A hit for a person: how near, where, and the passage."""
    if isinstance(hit, PanelHit):
        return f"{hit.rank:>3}. {hit.similarity:.3f}  {hit.path}  ({hit.width}x{hit.height})"
    ranks = ", ".join(
        f"{name} #{rank}" for name, rank in (("vector", hit.vector_rank), ("text", hit.text_rank)) if rank is not None
    )
    similarity = f"{hit.similarity:.3f}" if hit.similarity is not None else "  -  "
    place = f"{hit.novel}, {hit.chapter_title or f'chapter {hit.chapter}'}"
    passage = textwrap.fill(
        " ".join(hit.body.split()),
        WIDTH,
        initial_indent="     ",
        subsequent_indent="     ",
        max_lines=6,
        placeholder=" …",
    )
    return f"{hit.rank:>3}. {similarity}  {place}  [{ranks}]\n{passage}"
