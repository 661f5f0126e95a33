"""Models are loaded and SDKs imported before the first person waits for them, and again after a switch of spaces.

Nothing is sent to a provider that costs something: importing its SDK is most of what a first request waits for.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from morpheus_assets.api.database import Database
from morpheus_assets.api.embedding.models import TextSpaces
from morpheus_assets.api.embedding.providers import WarmProviders
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.clip.sources import DEMO_MODEL
from morpheus_assets.embedding.errors import EmbeddingError
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.services.connections import DatabaseNotRunning
from morpheus_assets.services.search import answering_image_space
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import StoreError

LOOK_SECONDS = 15.0
# After a fault: a database that is starting is there within seconds.
_AGAIN_SECONDS = 2.0
_log = logging.getLogger("morpheus.api")

State = Literal["loading", "ok", "not loaded"]


class WarmUp:
    """Keeps the providers of the spaces that answer searches loaded.

    `state` is "loading" until they are for the first time, and "not loaded" where one could not be: the first request
    meets the same fault and answers it.
    """

    def __init__(self, settings: Settings, spaces: TextSpaces, providers: WarmProviders, database: Database) -> None:
        self._settings = settings
        self._spaces = spaces
        self._providers = providers
        self._database = database
        self._warm: set[str] = set()
        self.state: State = "loading"

    async def keep_warm(self) -> None:
        """Load what answers now, and what answers later, until cancelled."""
        said = ""
        while True:
            faults = [fault for fault in [await self._look(look) for look in (self._text, self._image)] if fault]
            self.state = "not loaded" if faults else "ok"
            if faults and str(faults) != said:
                _log.warning("a model is not loaded: %s", "; ".join(map(str, faults)))
            said = str(faults)
            await asyncio.sleep(_AGAIN_SECONDS if faults else LOOK_SECONDS)

    async def _look(self, look: Callable[[], Awaitable[None]]) -> Exception | None:
        try:
            await look()
        except (EmbeddingError, StoreError, DatabaseNotRunning) as error:
            return error
        except Exception as error:
            _log.warning("a model could not be loaded", exc_info=error)
            return error
        return None

    async def _text(self) -> None:
        space = await self._spaces.default()
        if space.fingerprint in self._warm:
            return
        if is_local(space):
            await self._providers.embed(space, ["warm"], "query")
        else:
            await self._providers.provider(space)
        self._warm.add(space.fingerprint)

    async def _image(self) -> None:
        row, _ = await answering_image_space(self._settings, self._database)
        space: Space | None = row
        if space is None and self.state != "loading":
            # what answers nothing yet is no reason to wait, and a large model would take its memory for nothing
            first = (await asyncio.to_thread(configured_image_spaces, self._settings))[0]
            space = first if not is_local(first) or first.model == DEMO_MODEL else None
        if space is None or space.fingerprint in self._warm:
            return
        if is_local(space):
            from PIL import Image

            await self._providers.embed(space, ["warm"], "query")
            await self._providers.embed(space, [Image.new("RGB", (64, 64))], "document")
        else:
            await self._providers.provider(space)
        self._warm.add(space.fingerprint)
