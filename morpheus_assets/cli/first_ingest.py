"""The line on the terminal that shows how far the first ingest of `morpheus up` is."""

import time
from collections.abc import Callable

from morpheus_assets.services.status import ingest_progress
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.engine import disposing, open_engine
from morpheus_assets.store.database.outages import sentence_for

_EVERY_SECONDS = 2.0
# Nobody looks at a line for longer, and the Dagster UI shows more.
_LONGEST_SECONDS = 900.0


class FirstIngest:
    """Looks at the database every two seconds until all is embedded; `show` gets a line, and whether it is the last."""

    def __init__(self, settings: Settings, database_url: str, show: Callable[[str, bool], None]) -> None:
        self._settings, self._url, self._show = settings, database_url, show
        self._begun = self._looked = time.monotonic()
        self._line = ""
        self.over = False

    def look(self) -> None:
        """Show what changed; does nothing between two looks and after the end."""
        now = time.monotonic()
        if self.over or now - self._looked < _EVERY_SECONDS:
            return
        self._looked = now
        done, needed = self._progress()
        self.over = 0 < needed <= done or now - self._begun > _LONGEST_SECONDS
        line = f"Embedded {done:,} of {needed:,} passages and panels" if needed else ""
        if line and (line != self._line or self.over):
            self._show(line, self.over)
            self._line = line

    def _progress(self) -> tuple[int, int]:
        with disposing(open_engine(self._url, pool_size=1)) as engine:
            try:
                return ingest_progress(engine, self._settings)
            except Exception as fault:
                # the next look will do: Postgres may be starting again
                if sentence_for(fault) is None:
                    raise
                return 0, 0
