"""Searches for the command line: embeds the query with the active space's own model, asks the store, shows hits."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.embedding.queries import query_vector
from morpheus_assets.services.configured_spaces import (
    open_provider,
    request_budget,
    sample_image_spaces,
)
from morpheus_assets.services.connections import connected_engine
from morpheus_assets.services.running_api import query_vector_of_api
from morpheus_assets.services.search import DEMO_NOTE, NO_PANELS_YET, NOTHING_YET, ask_with_standby
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import StoreError
from morpheus_assets.store.search.hits import PanelHit, TextHit, search_panels, search_text
from morpheus_assets.store.spaces.spaces import active_space, get_space

WIDTH = 100


@dataclass(frozen=True)
class Answer:
    """Hits, best first; `note` is what else a person should know; `nothing_found` is what to say without hits.

    `space` is the key of the space whose vectors answered, empty for a search by words alone.
    """

    hits: Sequence[TextHit | PanelHit]
    note: str = ""
    nothing_found: str = "Nothing found."
    space: str = ""


class Searching:
    """Searches over one database; made by `open_search`."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine

    def passages(
        self, text: str, *, k: int = 5, novel: str | None = None, chapter: int | None = None, mode: str = "hybrid"
    ) -> Answer:
        """Passages that `text` describes; raises EmbeddingError when neither the active nor a standby space can."""
        if mode == "text":
            return Answer(search_text(self._engine, None, text, k=k, novel=novel, chapter=chapter, mode=mode))
        if active_space(self._engine, "text") is None:
            return Answer([], nothing_found=NOTHING_YET)

        def ask(row: SpaceRow) -> list[TextHit]:
            vector = self._embed(row, text)
            return search_text(self._engine, vector, text, space=row, k=k, novel=novel, chapter=chapter, mode=mode)

        answered = ask_with_standby(self._engine, "text", ask)
        return Answer(answered.result, note=answered.note, space=answered.space.key)

    def panels(self, text: str, *, k: int = 5, novel: str | None = None) -> Answer:
        """Panels that `text` describes."""
        return self._panels(lambda row: self._embed(row, text), k, novel)

    def panels_like(self, image: Path, *, k: int = 5, novel: str | None = None) -> Answer:
        """Panels that look like the picture in `image`; raises RefusedImage when it cannot be decoded."""
        from morpheus_assets.images.decoding import decode_panel, opener_of

        data = image.read_bytes()
        panel = decode_panel(data, image.name, max_pixels=self._settings.max_image_pixels)
        return self._panels(lambda row: self._embed(row, opener_of(panel, data, image.name), is_query=False), k, novel)

    def _panels(self, embed: Callable[[SpaceRow], np.ndarray], k: int, novel: str | None) -> Answer:
        def ask(row: SpaceRow) -> list[PanelHit]:
            return search_panels(self._engine, embed(row), space=row, k=k, novel=novel)

        if active_space(self._engine, "image") is not None:
            answered = ask_with_standby(self._engine, "image", ask)
            return Answer(answered.result, note=answered.note, space=answered.space.key)
        for demo in sample_image_spaces(self._settings):
            try:
                row = get_space(self._engine, demo.key)
            except StoreError:
                continue
            return Answer(ask(row), note=DEMO_NOTE, space=row.key)
        return Answer([], nothing_found=NO_PANELS_YET)

    def _embed(self, row: SpaceRow, content: Any, *, is_query: bool = True) -> np.ndarray:
        if row.purpose == "text" and is_local(row):
            # loading the model takes seconds, and the API has it loaded
            known = query_vector_of_api(self._settings, row, content)
            if known is not None:
                return known
        return query_vector(
            open_provider(self._settings, row),
            content,
            budget=request_budget(self._settings, row, self._engine),
            input_type="query" if is_query else "document",
        )


@contextmanager
def open_search(settings: Settings) -> Iterator[Searching]:
    """Searches over the configured or the running embedded database; raises DatabaseNotRunning or StoreError."""
    with connected_engine(settings) as engine:
        yield Searching(settings, engine)


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
