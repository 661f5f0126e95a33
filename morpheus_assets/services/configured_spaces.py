"""The embedding spaces that the settings name, and of each the open provider and its budget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from morpheus_assets.domain.spaces import Space, SpaceName, SpaceRow
from morpheus_assets.embedding.clip.sources import DEMO_MODEL
from morpheus_assets.embedding.providers import registry
from morpheus_assets.embedding.providers.base import ProviderOptions, ProviderSpec
from morpheus_assets.embedding.spaces import check_capacity, parse_space_names, resolve_image_space, resolve_text_space
from morpheus_assets.services.provider_keys import provider_key
from morpheus_assets.services.samples import sample_novels
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.embedding.providers.base import EmbeddingProvider
    from morpheus_assets.embedding.rate_limits import RequestBudget
    from morpheus_assets.store.accounts.rate_limits import PostgresBudget


PURPOSES = ("text", "image")
# Each space is one asset in Dagster, PREFIX/<the space's key>.
ASSET_PREFIXES = {"text": "text_embeddings", "image": "clip_embeddings"}
# Which of Dagster's partition sets it is over.
PARTITION_SETS = {"text": "novels", "image": "panels"}


def configured_spaces(settings: Settings, purpose: str) -> list[Space]:
    """The spaces of one purpose in the settings' order: the first is the one to answer, the others stand by."""
    return configured_text_spaces(settings) if purpose == "text" else configured_image_spaces(settings)


def configured_text_spaces(settings: Settings) -> list[Space]:
    """The text spaces of the settings, in order; raises ConfigurationError for one that cannot take a chunk."""
    own = own_endpoints(settings)
    names = parse_space_names(settings.text_spaces, own_endpoints=own)
    spaces = [resolve_text_space(name, own_endpoints=own) for name in names]
    for space in spaces:
        check_capacity(space, settings.chunk_tokens)
    return spaces


def configured_image_spaces(settings: Settings) -> list[Space]:
    """The image spaces of the settings, in order; raises ConfigurationError for unreadable weights."""
    return [_image_space(settings, name) for name in _image_names(settings)]


def demo_image_space(settings: Settings) -> Space:
    """The space of the packaged demo model, which knows only drawn panels."""
    return _image_space(settings, SpaceName("open_clip", DEMO_MODEL))


def sample_image_spaces(settings: Settings) -> list[Space]:
    """The demo model's space while there are samples, unless it is configured for everything anyway.

    It embeds the sample panels only: a model that knows only drawn panels is never chosen for a user's own.
    """
    demo = demo_image_space(settings)
    return [demo] if settings.samples and demo not in configured_image_spaces(settings) else []


def wanted_spaces(settings: Settings, purpose: str) -> list[Space]:
    """All spaces that are filled: the configured ones, and for images the one that only the samples use."""
    return [*configured_spaces(settings, purpose), *(sample_image_spaces(settings) if purpose == "image" else [])]


def only_novels(settings: Settings, space: Space) -> Sequence[str] | None:
    """The novels that a space is for; None: all."""
    return sample_novels() if space in sample_image_spaces(settings) else None


def kept_spaces(engine: "Engine", settings: Settings, purpose: str) -> list[SpaceRow]:
    """The space that answers searches while the settings no longer name it.

    Until another one is whole, what arrives must be written to it too, or searches would miss it.
    """
    from morpheus_assets.store.spaces.spaces import active_space

    active = active_space(engine, purpose)
    if active is None or active.key in {space.key for space in wanted_spaces(settings, purpose)}:
        return []
    return [active]


def own_endpoints(settings: Settings) -> frozenset[str]:
    """The providers that the settings reach at another address than the vendor's."""
    return frozenset(spec.name for spec in registry.PROVIDERS.values() if _base_url(settings, spec) is not None)


def open_provider(settings: Settings, space: Space) -> "EmbeddingProvider":
    """The provider of a space, with the key and address that the settings hold for it."""
    spec = registry.provider_of(space)
    names = _image_names(settings) if spec.purpose == "image" else []
    return registry.open_provider(
        space,
        ProviderOptions(
            api_key=provider_key(settings, spec.name),
            base_url=_base_url(settings, spec),
            timeout_seconds=settings.request_timeout_seconds,
            torch_threads=settings.torch_threads,
            cache_folder=settings.data_folder,
            precision=settings.image_precision,
            configured=tuple(names),
        ),
    )


def request_budget(settings: Settings, space: Space, engine: "Engine") -> "RequestBudget":
    """The budget of the space's provider for batch work, shared by every process over one row in Postgres."""
    from morpheus_assets.embedding.rate_limits import NoBudget

    if registry.is_local(space):
        return NoBudget()
    from morpheus_assets.store.accounts.rate_limits import PEOPLES_SHARE, PostgresBudget

    return PostgresBudget(
        engine, space.provider, settings.requests_per_minute, settings.tokens_per_minute, kept_for_others=PEOPLES_SHARE
    )


def budget_for_people(settings: Settings, space: Space, engine: "Engine") -> "PostgresBudget | None":
    """The same budget for somebody who waits for the answer; None for a local model, which has no limits.

    Its `take` raises BudgetExhausted rather than wait longer than a question may.
    """
    if registry.is_local(space):
        return None
    from morpheus_assets.store.accounts.rate_limits import LONGEST_WAIT_OF_A_QUESTION, PostgresBudget

    return PostgresBudget(
        engine, space.provider, settings.requests_per_minute, settings.tokens_per_minute,
        longest_wait=LONGEST_WAIT_OF_A_QUESTION,
    )  # fmt: skip


def _image_space(settings: Settings, name: SpaceName) -> Space:
    options = ProviderOptions(cache_folder=settings.data_folder, precision=settings.image_precision)
    return resolve_image_space(name, options)


def _image_names(settings: Settings) -> list[SpaceName]:
    return parse_space_names(settings.image_spaces, variable="MORPHEUS_IMAGE_SPACES")


def _base_url(settings: Settings, spec: ProviderSpec) -> str | None:
    return getattr(settings, spec.base_url_setting) if spec.base_url_setting is not None else None
