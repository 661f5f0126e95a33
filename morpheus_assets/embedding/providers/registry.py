"""The list of providers: a new one is its own file beside this one, and its line here."""

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers import open_clip, openai, remote_clip, sentence_transformers, voyage
from morpheus_assets.embedding.providers.base import EmbeddingProvider, ProviderOptions, ProviderSpec

PROVIDERS: dict[str, ProviderSpec] = {
    spec.name: spec
    for spec in (
        openai.PROVIDER,
        voyage.PROVIDER,
        sentence_transformers.PROVIDER,
        open_clip.PROVIDER,
        remote_clip.PROVIDER,
    )
}


def find_provider(name: str) -> ProviderSpec | None:
    """The provider of that name or alias, or None."""
    return PROVIDERS.get(name) or next((spec for spec in PROVIDERS.values() if name in spec.aliases), None)


def provider_of(space: Space) -> ProviderSpec:
    """The provider of a space; raises ConfigurationError for a stored space whose provider is gone."""
    spec = PROVIDERS.get(space.provider)
    if spec is None:
        raise ConfigurationError(
            f"{space.key} was made by the provider {space.provider!r}, which is not known: known are "
            f"{', '.join(PROVIDERS)}."
        )
    return spec


def is_local(space: Space) -> bool:
    """True for a model that computes on this machine, without price and limits."""
    spec = PROVIDERS.get(space.provider)
    return spec is not None and spec.is_local


def open_provider(space: Space, options: ProviderOptions) -> EmbeddingProvider:
    """Open the provider of a space; connects and loads nothing yet. Raises ConfigurationError."""
    return provider_of(space).open(space, options)
