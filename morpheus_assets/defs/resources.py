"""What assets, sensors and checks reach through Dagster: the database, the content folder, the providers.

Plain objects around the lower floors; each opens what it needs when it is first used.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, create_model

from morpheus_assets.domain.slugs import novel_slug
from morpheus_assets.domain.spaces import Space, SpaceRow
from morpheus_assets.services import content_location
from morpheus_assets.services.configured_spaces import open_provider, request_budget
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import Entry, FolderUnreadable, RootMissing, Source
from morpheus_assets.sources.listing import NovelEntries, list_novels, list_panels, panel_owners, panel_problems
from morpheus_assets.sources.names import MAX_PANEL_BYTES

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.embedding.packs import EmbeddingInput, StreamResult
    from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
    from morpheus_assets.embedding.rate_limits import RequestBudget
    from morpheus_assets.embedding.retries import RetryPolicy
    from morpheus_assets.insight.cast_file import CastFile
    from morpheus_assets.services.page_reading import PageReader


class SourceMissing(Exception):
    """The content folder has no usable file for a novel; the message says why."""


class DatabaseResource:
    """The content database.

    `whole_spaces` holds the spaces that a step of a run, by the run's id and the space's key, found whole, with about
    how many vectors they have: the run's checks need not look for them again.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.whole_spaces: dict[tuple[str, str], tuple[SpaceRow, int]] = {}

    @cached_property
    def engine(self) -> "Engine":
        """An engine on a server that answers; raises the store's errors, one sentence each."""
        from morpheus_assets.services.connections import content_engine
        from morpheus_assets.store.database.server_checks import check_reachable

        engine = content_engine(self.settings)
        check_reachable(engine)
        return engine


class ContentFolderResource:
    """Where novels and panels are dropped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.novels = content_location.novels_source(settings)
        self.panels = content_location.panels_source(settings)
        self.characters = content_location.characters_source(settings)
        self.training = content_location.training_source(settings)
        self._list_novels, self._panel_owners = list_novels, panel_owners

    def in_one_step(self) -> "ContentFolderResource":
        """The same for the novels of one step: names are listed once for all of them."""
        shared = ContentFolderResource(self.settings)
        shared._list_novels, shared._panel_owners = cache(list_novels), cache(panel_owners)
        return shared

    def novel_files(self, novel: str) -> NovelEntries:
        """The file or folder that becomes `novel`; raises SourceMissing when there is none, or more than one."""
        files, problems = self._list_novels(self.novels)
        if novel not in files:
            raise SourceMissing(
                _problem_of(novel, problems)
                or f"{self.novels.display_name()} holds no text of the novel {novel!r}; put its file back, or run"
                f" `morpheus remove {novel}`."
            )
        return files[novel]

    def panels_of(self, novel: str) -> list[Entry]:
        """The image files of a novel's folder, in natural order; raises SourceMissing when that has none to read."""
        owners, problems = self._panel_owners(self.panels)
        if novel not in owners:
            raise SourceMissing(
                _problem_of(novel, problems)
                or f"{self.panels.display_name()} holds no pictures of the novel {novel!r}; put its folder back."
            )
        try:
            return list_panels(self.panels, owners[novel])[0]
        except FolderUnreadable as error:
            # this novel's folder only: the others of the step go on
            raise SourceMissing(str(error)) from error

    def cast_files(self) -> dict[str, str]:
        """What changes whenever a person's file of corrections does, by novel; raises ContentUnreadable."""
        return _marks(self.characters, ".toml")

    def training_files(self) -> dict[str, str]:
        """The same of a person's questions for training."""
        return _marks(self.training, ".tsv")

    def cast_file(self, novel: str) -> "CastFile | None":
        """A person's corrections of a novel's cast, None where there are none; raises CastFileFault."""
        from morpheus_assets.insight.cast_file import MOST_BYTES, read_cast_file

        path = f"{novel}.toml"
        data = self.characters.read(path, MOST_BYTES)
        return None if data is None else read_cast_file(data, self.characters.display_name(path))

    def novel_problems(self) -> dict[str, str]:
        """What is not taken of what lies among the novels, by name; raises ContentUnreadable."""
        return list_novels(self.novels)[1]

    def panel_problems(self) -> dict[str, str]:
        """What is not taken of what lies among the panels, by path; raises ContentUnreadable."""
        return panel_problems(self.panels)

    def page_reader(self) -> "PageReader":
        """Reads pages of the panels' folders, of archives too; close it."""
        from morpheus_assets.services.page_reading import PageReader

        return PageReader(self.panels, self.settings.max_image_pixels)

    def read_panel(self, path: str) -> bytes:
        """The bytes of a panel at its path as it is stored.

        Raises FileNotFoundError when it is gone, FileUnreadable or ContentUnreadable.
        """
        data = self.panels.read(path, MAX_PANEL_BYTES)
        if data is None:
            raise FileNotFoundError(f"{self.panels.display_name(path)} is gone, or larger than before.")
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
        self,
        space: Space,
        inputs: "Iterable[EmbeddingInput]",
        engine: "Engine",
        input_type: "InputType" = "document",
        ensure: "Callable[[], object] | None" = None,
    ) -> "Iterator[StreamResult]":
        """Send inputs to the space's provider within its budget; batches come as they arrive.

        `ensure` is called before each request, and what it raises ends the work. Raises the errors of
        embedding.errors after everything that had arrived by then was given.
        """
        from morpheus_assets.embedding.stream import embed_batches
        from morpheus_assets.services.configured_spaces import request_sizes

        sizes = request_sizes(self.settings, space, engine)
        return embed_batches(
            self.open(space),
            inputs,
            budget=self.budget(space, engine),
            concurrency=self.settings.requests_in_flight,
            retry=self.retry(),
            max_inputs=sizes.most_inputs,
            input_type=input_type,
            on_limit=sizes.note,
            ensure=ensure,
        )


# The settings of each resource that a run may take otherwise, in the Launchpad; none is a secret.
OF_THE_DATABASE = ("reembed_max_tokens", "reembed_max_cost", "retention_days", "max_runs_per_tick")
OF_THE_CONTENT = ("max_image_pixels",)
OF_THE_PROVIDERS = (
    "requests_in_flight",
    "inputs_per_request",
    "requests_per_minute",
    "tokens_per_minute",
    "request_timeout_seconds",
    "retry_attempts",
    "torch_threads",
)


def build_resources(
    database: DatabaseResource, content_folder: ContentFolderResource, providers: ProvidersResource
) -> dict[str, dg.ConfigurableResource[Any]]:
    """The resources by name, with what the UI says of each; their fields are settings, as they stand."""
    return {
        "database": _configurable(
            database, OF_THE_DATABASE, "The content database, Postgres with pgvector (MORPHEUS_DATABASE_URL)."
        ),
        "content_folder": _configurable(
            content_folder,
            OF_THE_CONTENT,
            f"Where novels and panels are dropped (MORPHEUS_CONTENT): {content_folder.novels.display_name()} and"
            f" {content_folder.panels.display_name()}.",
        ),
        "providers": _configurable(
            providers,
            OF_THE_PROVIDERS,
            "The embedding providers of all spaces (MORPHEUS_TEXT_SPACES, MORPHEUS_IMAGE_SPACES), and the requests and"
            " tokens a minute that all processes share for each.",
        ),
    }


def _configurable(resource: Any, names: Sequence[str], said: str) -> dg.ConfigurableResource[Any]:
    """A resource with some settings as its documented fields; a run that gives others gets one made of them."""
    settings: Settings = resource.settings
    shown = {name: getattr(settings, name) for name in names}

    class Configured(dg.ConfigurableResource[Any]):
        def create_resource(self, context: dg.InitResourceContext) -> Any:
            others = {name: getattr(self, name) for name in names if getattr(self, name) != shown[name]}
            return type(resource)(settings.model_copy(update=others)) if others else resource

    fields: dict[str, Any] = {}
    for name in names:
        setting = Settings.model_fields[name]
        said_of = f"{setting.description} The setting MORPHEUS_{name.upper()}, for this run."
        fields[name] = (setting.annotation, Field(default=shown[name], description=said_of))
    made = create_model(type(resource).__name__, __base__=Configured, __doc__=said, __module__=__name__, **fields)
    return made()


def _marks(source: Source, suffix: str) -> dict[str, str]:
    try:
        entries = source.names()
    except RootMissing:
        return {}
    files = [entry for entry in entries if entry.path.endswith(suffix) and not entry.path.startswith(".")]
    return {entry.path.removesuffix(suffix): f"{entry.size}-{entry.mtime_ns}-{entry.mark or ''}" for entry in files}


def _problem_of(novel: str, problems: Mapping[str, str]) -> str | None:
    for name, problem in problems.items():
        try:
            if novel_slug(Path(name).stem) == novel:
                return problem
        except ValueError:
            continue
    return None
