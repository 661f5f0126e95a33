"""The text space that a request means: the one it names, or the one that answers searches now.

A model may be named as clients do (`text-embedding-3-large`), as the settings do (`openai/…@1024`, or the name of a
table of spaces.toml), or by its key.
"""

import time

from morpheus_assets.api.database import Database
from morpheus_assets.api.problems import field_problem
from morpheus_assets.domain.spaces import Space, SpaceName
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.models import known_models, providers_of
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.services.configured_spaces import configured_text_spaces, own_endpoints
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.services.space_tables import space_tables, table_of
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import DatabaseUnusable
from morpheus_assets.store.spaces.spaces import active_space

# A search reads the pointer itself; which model embeds a text that names none may lag this much behind a switch.
_KEPT_SECONDS = 1.0


class TextSpaces:
    """The text spaces that may be asked for."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._own_endpoints = own_endpoints(settings)
        self._database = database
        self._configured = configured_text_spaces(settings)
        self._known, self._known_until = self._configured[0], 0.0

    @property
    def configured(self) -> list[Space]:
        """Those of the settings, in order."""
        return self._configured

    async def find(self, model: str | None, dimensions: int | None) -> Space:
        """The space of a model and size; raises a Problem that names `model` or `dimensions`."""
        space = self._named(model) if model else await self.default()
        if dimensions is None or dimensions == space.dimensions:
            return space
        table = table_of(self._settings, space)
        if table is not None and table.is_asked_elsewhere:
            raise field_problem(
                "dimensions",
                f"{space.model} gives vectors of {space.dimensions} dimensions here: leave `dimensions` out.",
            )
        try:
            name = SpaceName(space.provider, space.model, dimensions)
            return resolve_text_space(name, own_endpoints=self._own_endpoints)
        except ConfigurationError as error:
            raise field_problem("dimensions", str(error)) from None

    async def default(self) -> Space:
        """The active space; while the database is down, the first of the settings."""
        if time.monotonic() < self._known_until:
            return self._known
        try:
            row = await self._database.call(active_space, "text")
        except (DatabaseUnusable, DatabaseNotRunning):
            row = None
        self._known = row if row is not None else self._configured[0]
        self._known_until = time.monotonic() + _KEPT_SECONDS
        return self._known

    def _named(self, model: str) -> Space:
        table = space_tables(self._settings).get(model)
        if table is not None and table.space() in self._configured:
            return table.space()
        for space in self._configured:
            if model in (space.key, space.model, f"{space.provider}/{space.model}"):
                return space
        providers = providers_of(model)
        try:
            if providers:
                return resolve_text_space(SpaceName(providers[0], model))
            if "/" in model and "," not in model:
                return resolve_text_space(model, own_endpoints=self._own_endpoints)
        except ConfigurationError:
            pass
        own = ", ".join(space.model for space in self._configured)
        raise field_problem("model", f"{model!r} is not known; configured is {own}, known are {known_models()}.")
