"""What assets, sensors and checks reach through Dagster: the database, the content folder, the providers.

Plain objects around the lower floors; each opens what it needs when it is first used.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from morpheus_assets import content_location
from morpheus_assets.automation.content_listing import list_novels, panel_folders
from morpheus_assets.connected_providers import open_provider, request_budget
from morpheus_assets.embedding.spaces import Space
from morpheus_assets.images.discovery import PanelFile, list_panels
from morpheus_assets.partitions import novel_slug
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.embedding.providers import EmbeddingProvider
    from morpheus_assets.embedding.rate_limits import RequestBudget
    from morpheus_assets.embedding.retries import RetryPolicy


class SourceMissing(Exception):
    """The content folder has no usable file for a novel; the message says why."""


class DatabaseResource:
    """The content database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def engine(self) -> "Engine":
        """An engine on a server that was checked; raises the store's errors, one sentence each."""
        from morpheus_assets.connection import database_url
        from morpheus_assets.store.database import check_server, open_engine

        engine = open_engine(database_url(self.settings))
        check_server(engine)
        return engine


class ContentFolderResource:
    """Where novels and panels are dropped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.novels = content_location.novels_of(settings)
        self.panels = content_location.panels_of(settings)

    def novel_file(self, novel: str) -> Path:
        """The file that becomes `novel`; raises SourceMissing when there is none, or more than one."""
        listing = list_novels(self.settings.novels_folder)
        for file in listing.files:
            if file.novel == novel:
                return self.settings.novels_folder / file.path
        raise SourceMissing(_why_missing(novel, listing.problems, self.settings.novels_folder))

    def panels_of(self, novel: str) -> tuple[str, list[PanelFile]]:
        """The name of the folder that holds a novel's panels, and its image files in natural order."""
        folder = self.settings.panels_folder
        owners, problems = panel_folders(folder)
        if novel not in owners:
            raise SourceMissing(_why_missing(novel, problems, folder))
        return owners[novel], list(list_panels(folder / owners[novel]).files)


class ProvidersResource:
    """Opens the provider of a space, and the budget that all processes share for it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def open(self, space: Space) -> "EmbeddingProvider":
        """Connects and loads nothing yet; raises ConfigurationError when a key is missing."""
        return open_provider(self.settings, space)

    def budget(self, space: Space, engine: "Engine") -> "RequestBudget":
        """Requests and tokens per minute of the space's provider; a local model has no limits."""
        return request_budget(self.settings, space, engine)

    def retry(self) -> "RetryPolicy":
        """How often a request is tried."""
        from morpheus_assets.embedding.retries import RetryPolicy

        return RetryPolicy(attempts=self.settings.retry_attempts)


def _why_missing(novel: str, problems: Mapping[str, str], folder: Path) -> str:
    for name, problem in problems.items():
        try:
            if novel_slug(Path(name).stem) == novel:
                return problem
        except ValueError:
            continue
    return f"{folder} holds nothing for the novel {novel!r}; put its file back, or run `morpheus remove {novel}`."
