"""From settings to an open provider and its budget; for the Dagster face and for `serve` alike."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from morpheus_assets.embedding.clip_sources import DEMO_MODEL
from morpheus_assets.embedding.image_spaces import remembered_name, resolve_again, resolve_image_space
from morpheus_assets.embedding.spaces import Space, SpaceName, check_capacity, parse_space_names, resolve_text_space
from morpheus_assets.services.provider_keys import provider_key
from morpheus_assets.services.samples import sample_novels
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.embedding.providers import EmbeddingProvider
    from morpheus_assets.embedding.rate_limits import RequestBudget


LOCAL_PROVIDERS = ("sentence-transformers", "open_clip")


def configured_text_spaces(settings: Settings) -> list[Space]:
    """The text spaces of the settings, in order; raises ConfigurationError for one that cannot take a chunk."""
    own_endpoint = settings.openai_base_url is not None
    names = parse_space_names(settings.text_spaces, any_openai_model=own_endpoint)
    spaces = [resolve_text_space(name, any_openai_model=own_endpoint) for name in names]
    for space in spaces:
        check_capacity(space, settings.chunk_tokens)
    return spaces


def configured_image_spaces(settings: Settings) -> list[Space]:
    """The image spaces of the settings, in order; raises ConfigurationError for unreadable weights."""
    names = parse_space_names(settings.image_spaces, variable="MORPHEUS_IMAGE_SPACES")
    return [_image_space(settings, name) for name in names]


def demo_image_space(settings: Settings) -> Space:
    """The space of the packaged demo model, which knows only drawn panels."""
    return _image_space(settings, SpaceName("open_clip", DEMO_MODEL))


def sample_image_spaces(settings: Settings) -> list[Space]:
    """The demo model's space while there are samples, unless it is configured for everything anyway.

    It embeds the sample panels only: a model that knows only drawn panels is never chosen for a user's own.
    """
    demo = demo_image_space(settings)
    return [demo] if settings.samples and demo not in configured_image_spaces(settings) else []


def open_provider(settings: Settings, space: Space) -> "EmbeddingProvider":
    """The provider of a space, with the key and address that the settings hold for it."""
    from morpheus_assets.embedding.providers import open_image_provider, open_text_provider

    if space.purpose == "text":
        url = {"openai": settings.openai_base_url, "voyage": settings.voyage_base_url}.get(space.provider)
        return open_text_provider(
            space,
            api_key=provider_key(settings, space.provider),
            base_url=url,
            timeout_seconds=settings.request_timeout_seconds,
            torch_threads=settings.torch_threads,
        )
    return open_image_provider(space, **_image_options(settings, space))


def request_budget(settings: Settings, space: Space, engine: "Engine") -> "RequestBudget":
    """The budget of the space's provider, shared by every process over one row in Postgres."""
    from morpheus_assets.embedding.rate_limits import NoBudget

    if space.provider in LOCAL_PROVIDERS:
        return NoBudget()
    from morpheus_assets.store.accounts.rate_limits import PostgresBudget

    return PostgresBudget(engine, space.provider, settings.requests_per_minute, settings.tokens_per_minute)


def _image_space(settings: Settings, name: SpaceName) -> Space:
    return resolve_image_space(name, cache_folder=settings.data_folder, precision=settings.image_precision)


def _image_options(settings: Settings, space: Space) -> dict[str, Any]:
    if space.provider == "remote_clip":
        return {
            "base_url": settings.remote_clip_url,
            "api_key": provider_key(settings, space.provider),
            "timeout_seconds": settings.request_timeout_seconds,
        }
    return {"name": _configured_name(settings, space), "threads": settings.torch_threads}


def _configured_name(settings: Settings, space: Space) -> SpaceName | None:
    # the path of a local checkpoint is no part of the space's identity, so it is looked up by the key
    for name in parse_space_names(settings.image_spaces, variable="MORPHEUS_IMAGE_SPACES"):
        if resolve_again(name, space, settings.data_folder).key == space.key:
            return name
    # a space may go on answering after the settings name another checkpoint
    return remembered_name(space, settings.data_folder)


PURPOSES = ("text", "image")
# Each space is one asset in Dagster, PREFIX/<the space's key>.
ASSET_PREFIXES = {"text": "text_embeddings", "image": "clip_embeddings"}


def configured_spaces(settings: Settings, purpose: str) -> list[Space]:
    """The spaces of one purpose in the settings' order: the first is the one to answer, the others stand by."""
    return configured_text_spaces(settings) if purpose == "text" else configured_image_spaces(settings)


def wanted_spaces(settings: Settings, purpose: str) -> list[Space]:
    """All spaces that are filled: the configured ones, and for images the one that only the samples use."""
    return [*configured_spaces(settings, purpose), *(sample_image_spaces(settings) if purpose == "image" else [])]


def only_novels(settings: Settings, space: Space) -> Sequence[str] | None:
    """The novels that a space is for; None: all."""
    return sample_novels() if space in sample_image_spaces(settings) else None


def kept_spaces(engine: "Engine", settings: Settings, purpose: str) -> list["SpaceRow"]:
    """The space that answers searches while the settings no longer name it.

    Until another one is whole, what arrives must be written to it too, or searches would miss it.
    """
    from morpheus_assets.store.spaces.spaces import active_space

    active = active_space(engine, purpose)
    if active is None or active.key in {space.key for space in wanted_spaces(settings, purpose)}:
        return []
    return [active]


def by_hand(first: str) -> str:
    """The announcement that a person let another space answer in place of the settings' `first` one."""
    return f"by hand, in place of {first}"


def forget_choices(engine: "Engine", purpose: str) -> None:
    """Forget what was chosen by hand: a later choice, by hand or by the settings, takes its place."""
    from morpheus_assets.store.spaces.announcements import withdraw
    from morpheus_assets.store.spaces.spaces import list_spaces

    keys = [row.key for row in list_spaces(engine, purpose)]
    for first in keys:
        for key in keys:
            withdraw(engine, by_hand(first), key)


def what_becomes_of_the_active(engine: "Engine", settings: Settings, purpose: str) -> str:
    """The state of the space that answers now, once another one does: "ready" while configured, else "retired"."""
    from morpheus_assets.store.spaces.spaces import active_space

    active = active_space(engine, purpose)
    wanted = {space.key for space in wanted_spaces(settings, purpose)}
    return "ready" if active is not None and active.key in wanted else "retired"
