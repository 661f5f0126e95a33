"""What assets, sensors and checks reach through Dagster: the database, the content folder, the providers.

Plain objects around the lower floors; each opens what it needs when it is first used.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from morpheus_assets.domain.slugs import novel_slug
from morpheus_assets.domain.spaces import Space
from morpheus_assets.services import content_location
from morpheus_assets.services.configured_spaces import open_provider, request_budget
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import Entry
from morpheus_assets.sources.local import list_novels, list_panel_folders, panel_folders
from morpheus_assets.sources.names import (
    MAX_PANEL_BYTES,
    PanelFile,
    list_novel_objects,
    list_panel_objects,
    list_panels,
    object_folders,
    panel_object_problems,
)
from morpheus_assets.sources.objects import ObjectPlace

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput, RefusedInput
    from morpheus_assets.embedding.providers.base import EmbeddingProvider
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
        from morpheus_assets.services.connections import database_url
        from morpheus_assets.store.database.engine import check_server, open_engine

        engine = open_engine(database_url(self.settings))
        check_server(engine)
        return engine


class ContentFolderResource:
    """Where novels and panels are dropped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.novels = content_location.novels_of(settings)
        self.panels = content_location.panels_of(settings)
        self._novel_objects, self._object_folders = list_novel_objects, object_folders
        self._novel_files, self._panel_folders = _novel_files, panel_folders

    def in_one_step(self) -> "ContentFolderResource":
        """The same for the novels of one step: names are listed once for all of them."""
        shared = ContentFolderResource(self.settings)
        shared._novel_objects, shared._object_folders = cache(shared._novel_objects), cache(shared._object_folders)
        shared._novel_files, shared._panel_folders = cache(shared._novel_files), cache(shared._panel_folders)
        return shared

    def novel_file(self, novel: str) -> Path | Entry:
        """The file or object that becomes `novel`; raises SourceMissing when there is none, or more than one."""
        if isinstance(self.novels, ObjectPlace):
            objects, problems = self._novel_objects(self.novels)
            if novel not in objects:
                raise SourceMissing(_why_missing(novel, problems, self.novels.shown()))
            return objects[novel]
        files, problems = self._novel_files(self.settings.novels_folder)
        if novel in files:
            return files[novel]
        raise SourceMissing(_why_missing(novel, problems, self.novels.shown()))

    def panels_of(self, novel: str) -> tuple[str, list[PanelFile]]:
        """The name of the folder that holds a novel's panels, and its image files in natural order."""
        if isinstance(self.panels, ObjectPlace):
            owners, problems = self._object_folders(self.panels)
        else:
            owners, problems = self._panel_folders(self.settings.panels_folder)
        if novel not in owners:
            raise SourceMissing(_why_missing(novel, problems, self.panels.shown()))
        folder = owners[novel]
        if isinstance(self.panels, ObjectPlace):
            return folder, list_panel_objects(self.panels, folder)
        return folder, list(list_panels(self.settings.panels_folder / folder).files)

    def novel_problems(self) -> dict[str, str]:
        """What is not taken of what lies among the novels, by name; raises ContentUnreadable."""
        if isinstance(self.novels, ObjectPlace):
            return list_novel_objects(self.novels)[1]
        return dict(list_novels(self.settings.novels_folder).problems)

    def panel_problems(self) -> dict[str, str]:
        """What is not taken of what lies among the panels, by path; raises ContentUnreadable."""
        if isinstance(self.panels, ObjectPlace):
            return panel_object_problems(self.panels)
        return dict(list_panel_folders(self.settings.panels_folder).problems)

    def read_panel(self, path: str) -> bytes:
        """The bytes of a panel at its path as it is stored; raises OSError when it is gone, or ContentUnreadable."""
        if not isinstance(self.panels, ObjectPlace):
            return (self.settings.panels_folder / path).read_bytes()
        data = self.panels.read(path, MAX_PANEL_BYTES)
        if data is None:
            raise FileNotFoundError(f"{self.panels.shown(path)} is gone, or larger than before.")
        return data


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

    def embed(
        self, space: Space, inputs: "Iterable[EmbeddingInput]", engine: "Engine"
    ) -> "Iterator[EmbeddedBatch | RefusedInput]":
        """Send inputs to the space's provider within its budget; batches come as they arrive.

        Raises the errors of embedding.errors after everything that had arrived by then was given.
        """
        from morpheus_assets.embedding.stream import embed_batches

        return embed_batches(
            self.open(space),
            inputs,
            budget=self.budget(space, engine),
            concurrency=self.settings.requests_in_flight,
            retry=self.retry(),
            max_inputs=self.settings.inputs_per_request,
        )


def _novel_files(folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    listing = list_novels(folder)
    return {file.novel: folder / file.path for file in listing.files}, dict(listing.problems)


def _why_missing(novel: str, problems: Mapping[str, str], place: str) -> str:
    for name, problem in problems.items():
        try:
            if novel_slug(Path(name).stem) == novel:
                return problem
        except ValueError:
            continue
    return f"{place} holds nothing for the novel {novel!r}; put its file back, or run `morpheus remove {novel}`."
