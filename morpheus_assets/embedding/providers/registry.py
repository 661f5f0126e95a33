"""The list of providers: a new one is its own file beside this one, and its line here."""

from dataclasses import replace

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.preparation import read_preparation
from morpheus_assets.embedding.providers import (
    cohere,
    cohere_multimodal,
    gemini,
    gemini_multimodal,
    jina,
    mistral,
    open_clip,
    openai,
    remote_clip,
    sentence_transformers,
    sentence_transformers_multimodal,
    voyage,
    voyage_multimodal,
)
from morpheus_assets.embedding.providers.base import EmbeddingProvider, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.prepared import PreparedProvider

PROVIDERS: dict[str, ProviderSpec] = {
    spec.name: spec
    for spec in (
        openai.PROVIDER,
        voyage.PROVIDER,
        cohere.PROVIDER,
        gemini.PROVIDER,
        jina.PROVIDER,
        mistral.PROVIDER,
        sentence_transformers.PROVIDER,
        open_clip.PROVIDER,
        remote_clip.PROVIDER,
        voyage_multimodal.PROVIDER,
        cohere_multimodal.PROVIDER,
        gemini_multimodal.PROVIDER,
        sentence_transformers_multimodal.PROVIDER,
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


def open_provider(
    space: Space, options: ProviderOptions, questions: EmbeddingProvider | None = None
) -> EmbeddingProvider:
    """Open the provider of a space, which prepares texts and vectors as the space says.

    `questions` embeds its queries in place of its own model. Connects and loads nothing yet. Raises ConfigurationError.
    """
    spec = provider_of(space)
    if spec.purpose == "image":
        return spec.open(space, options)
    preparation = read_preparation(space.preparation)
    own = space
    if preparation.is_own:
        own = replace(space, preparation=preparation.base, dimensions=preparation.shortened_from or space.dimensions)
    provider = spec.open(own, options)
    return PreparedProvider(space, provider, preparation, questions) if preparation.is_own or questions else provider
