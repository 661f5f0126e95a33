"""Searches of one command that its own process answers: services.search with vectors from its own model."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from sqlalchemy import Engine

from morpheus_assets.cli.hits import Rows
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.embedding.errors import InputRefused, ProviderUnavailable, RequestTooLarge
from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput, RefusedInput
from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.embedding.queries import embed_query
from morpheus_assets.embedding.rate_limits import NoBudget
from morpheus_assets.embedding.retries import FOR_QUERIES
from morpheus_assets.embedding.stream import embed_stream
from morpheus_assets.services.configured_spaces import budget_for_people, configured_text_spaces, open_provider
from morpheus_assets.services.connections import connected_engine
from morpheus_assets.services.search import Found, InlineDatabase, Passage, QueryRefused, Search, SearchQuery
from morpheus_assets.services.search_notes import told_apart
from morpheus_assets.settings import Settings
from morpheus_assets.store.search.hits import PanelHit, TextHit

_PATIENT = replace(FOR_QUERIES, attempts=2)


@dataclass(frozen=True)
class Answer:
    """What was found, best first; `notes` is what else a person should know; `nothing_found` is what to say without.

    `space` is the key of the space whose vectors answered, empty for a search by words alone.
    """

    found: Sequence[Passage | PanelHit]
    notes: Sequence[str]
    nothing_found: str
    space: str

    @property
    def hits(self) -> Sequence[TextHit | PanelHit]:
        """The same as the database found it."""
        return [each.hit if isinstance(each, Passage) else each for each in self.found]


class Searching:
    """Searches over one database; made by `open_search`. Each raises as services.search.Search does."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._search = Search(settings, InlineDatabase(engine), _OwnVectors(settings, engine))

    def passages(
        self, text: str, *, k: int = 5, novel: str | None = None, chapter: int | None = None, mode: str = "hybrid"
    ) -> Answer:
        """Passages that `text` describes."""
        return self.ask(SearchQuery(q=text, k=k, novel=novel, chapter=chapter, kind="text", mode=mode))

    def panels(self, text: str, *, k: int = 5, novel: str | None = None) -> Answer:
        """Panels that `text` describes."""
        return self.ask(SearchQuery(q=text, k=k, novel=novel, kind="panels"))

    def ask(self, query: SearchQuery) -> Answer:
        """What a query of one kind, "text" or "panels", finds."""
        found = asyncio.run(self._search.find(query))
        if query.kind == "panels":
            return _answer(found.panels, found)
        return _answer(found.passages, found)

    def panels_like(self, image: Path, query: SearchQuery) -> Answer:
        """Panels that look like the picture in `image`; raises RefusedImage when it cannot be decoded."""
        from morpheus_assets.images.decoding import decode_panel, opener_of

        data = image.read_bytes()
        panel = decode_panel(data, image.name, max_pixels=self._settings.max_image_pixels)
        found = asyncio.run(self._search.find_like_picture(opener_of(panel, data, image.name), query))
        return _answer(found.panels, found)


def _answer(hits: Sequence[Passage | PanelHit], found: Found) -> Answer:
    return Answer(hits, *told_apart(found.notes), space=next(iter(found.spaces.values()), ""))


class _OwnVectors:
    """services.search.QueryVectors for a process that embeds a few inputs and ends."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine

    async def question(self, space: Space, text: str, within: float) -> np.ndarray:
        provider = self._provider(space)
        try:
            async with answered_within(space, within):
                return await self._of_any_length(provider, space, text)
        finally:
            await provider.close()

    async def sentences(self, space: SpaceRow, texts: Sequence[str], within: float) -> Sequence[np.ndarray]:
        hashes = [hashlib.sha256(text.encode()).digest() for text in texts]
        found: dict[bytes, np.ndarray] = {}
        inputs = [EmbeddingInput(key, text) for key, text in zip(hashes, texts, strict=True)]
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


def _load_text_model(settings: Settings) -> None:
    """Load the first text space's model where it is one of this machine; it stays loaded in this process."""
    with suppress(Exception):
        # whatever is wrong, the search meets it too and says it
        space = configured_text_spaces(settings)[0]
        if is_local(space):
            asyncio.run(open_provider(settings, space).embed(["warm"], "query"))


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
def open_search(settings: Settings, *, load_text_model: bool = False) -> Iterator[Searching]:
    """Searches over the configured database, or the embedded one, which is started where it does not run.

    `load_text_model` loads the model that will probably be asked while the server starts. A query that is refused ends
    the command with its sentence. Raises DatabaseNotRunning or StoreError.
    """
    if load_text_model:
        threading.Thread(target=_load_text_model, args=(settings,), daemon=True).start()
    with connected_engine(settings, start=True) as engine:
        try:
            yield Searching(settings, engine)
        except QueryRefused as error:
            raise click.ClickException(str(error)) from error


def search_here(settings: Settings, image: Path | None, **fields: Any) -> Rows:
    """The rows of one search in this process; `fields` are those of services.search.SearchQuery.

    Raises as `open_search` and the search itself do.
    """
    of_text = fields["kind"] == "text" and fields["mode"] != "text"
    with open_search(settings, load_text_model=of_text) as searching:
        query = SearchQuery(**fields)
        return rows_of(searching.ask(query) if image is None else searching.panels_like(image, query))


def rows_of(answer: Answer) -> Rows:
    """An answer as the command prints it."""
    return Rows([row_of(hit) | {"space": answer.space} for hit in answer.found], answer.notes, answer.nothing_found)


def row_of(found: Passage | PanelHit) -> dict[str, Any]:
    """What was found, JSON-ready; the content hash in hex."""
    if isinstance(found, PanelHit):
        return asdict(found) | {"content_hash": found.content_hash.hex()}
    return asdict(found.hit) | {"content_hash": found.hit.content_hash.hex(), "relevance": found.relevance}
