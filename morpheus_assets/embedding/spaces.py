"""The short form in which the settings name spaces: read, checked against the providers, and resolved.

Nothing here opens a model or a connection. A provider whose spaces depend on weights resolves them itself.
"""

import math
from collections.abc import Collection

from morpheus_assets.domain.spaces import Space, SpaceName, space_key
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.models import known_models
from morpheus_assets.embedding.providers.base import ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.registry import PROVIDERS, find_provider

# Chunks are measured in word pieces; other tokenizers were measured at up to 1.4 of that (Chinese, cl100k).
_TOKENIZER_MARGIN = 1.5


def parse_space_names(
    text: str, *, variable: str = "MORPHEUS_TEXT_SPACES", own_endpoints: Collection[str] = ()
) -> list[SpaceName]:
    """Read a comma list of space names, in order.

    `own_endpoints` are the providers whose address is not the vendor's: those that allow it may there be asked for
    any model, as `provider/NAME@DIMENSIONS`. Raises ConfigurationError naming `variable`, what it holds and what it
    may.
    """
    names = [_parse_name(part.strip(), variable, own_endpoints) for part in text.split(",") if part.strip()]
    if not names:
        raise ConfigurationError(f"{variable} is empty: name at least one space, such as {known_models()}.")
    twice = {str(name) for name in names if names.count(name) > 1}
    if twice:
        raise ConfigurationError(f"{variable}={text!r} names {', '.join(sorted(twice))} twice: name it once.")
    return names


def _parse_name(part: str, variable: str, own_endpoints: Collection[str]) -> SpaceName:
    written, _, rest = part.partition("/")
    spec = find_provider(written)
    if spec is None or not rest:
        raise ConfigurationError(
            f"{variable} names {part!r}, which is no space: write provider/model[@dimensions], "
            f"such as {known_models()}, or {_image_examples()[0]} for images."
        )
    if spec.purpose == "image":
        if rest.startswith("local:"):
            return SpaceName(spec.name, rest)
        model, _, tag = rest.partition("@")
        return SpaceName(spec.name, model, tag=tag or None)
    model, at, size = rest.partition("@")
    if at and not (size.isascii() and size.isdigit() and int(size) > 0):
        raise ConfigurationError(
            f"{variable} names {part!r}, where {size!r} is no number of dimensions: write "
            f"{spec.name}/{model}@1024 or leave it out."
        )
    name = SpaceName(spec.name, model, int(size) if at else None)
    _check_model(spec, name, variable, own_endpoint=spec.name in own_endpoints)
    return name


def _check_model(spec: ProviderSpec, name: SpaceName, variable: str, *, own_endpoint: bool) -> None:
    model = spec.model(name.model)
    if model is not None:
        if name.dimensions is not None and not model.allows(name.dimensions):
            raise ConfigurationError(
                f"{variable} names {name}, but {name.model} gives vectors of {model.allowed_dimensions} "
                "dimensions: choose one of them."
            )
        return
    any_model = spec.other_models == "always" or (spec.other_models != "never" and own_endpoint)
    if any_model and name.dimensions is not None:
        return
    hint = f", or any other model as {name.provider}/NAME@DIMENSIONS" if any_model else ""
    raise ConfigurationError(
        f"{variable} names the unknown model {name}: known are {known_models(name.provider)}{hint}."
    )


def resolve_text_space(name: SpaceName | str, *, own_endpoints: Collection[str] = ()) -> Space:
    """The text space of that name; raises ConfigurationError for an unknown model or one for images."""
    if isinstance(name, str):
        (name,) = parse_space_names(name, own_endpoints=own_endpoints)
    spec = find_provider(name.provider)
    if spec is None or spec.purpose != "text":
        raise ConfigurationError(f"{name} embeds images, not text: name it in MORPHEUS_IMAGE_SPACES.")
    own_endpoint = spec.name in own_endpoints or name.dimensions is not None
    _check_model(spec, name, "MORPHEUS_TEXT_SPACES", own_endpoint=own_endpoint)
    model = spec.model(name.model)
    dimensions = name.dimensions or (model.dimensions if model else 0)
    return Space(
        key=space_key(name.provider, name.model, dimensions),
        purpose="text",
        provider=name.provider,
        model=name.model,
        revision=model.revision if model else "",
        dimensions=dimensions,
        preparation=spec.preparation,
        max_input_tokens=model.max_input_tokens if model else None,
    )


def resolve_image_space(name: SpaceName, options: ProviderOptions) -> Space:
    """The image space of that name; raises ConfigurationError, one sentence, also for unreadable weights."""
    spec = find_provider(name.provider)
    if spec is None or spec.purpose != "image" or spec.resolve is None:
        *others, last = _image_examples()
        raise ConfigurationError(f"`{name}` is no image space: write {', '.join(others)} or {last}.")
    return spec.resolve(name, options)


def _image_examples() -> list[str]:
    return [example for spec in PROVIDERS.values() if spec.purpose == "image" for example in spec.examples]


def check_capacity(space: Space, largest_chunk_tokens: int) -> None:
    """Refuse a space whose model cannot take the largest chunk.

    `largest_chunk_tokens` counts word pieces, as the chunker does. Raises ConfigurationError with numbers.
    """
    if space.max_input_tokens is None:
        return
    spec = find_provider(space.provider)
    same_tokenizer = spec is not None and spec.counts_word_pieces
    needed = largest_chunk_tokens if same_tokenizer else math.ceil(largest_chunk_tokens * _TOKENIZER_MARGIN)
    if needed > space.max_input_tokens:
        raise ConfigurationError(
            f"{space.provider}/{space.model} takes {space.max_input_tokens} tokens an input, but a chunk of "
            f"{largest_chunk_tokens} word pieces may need {needed}: lower MORPHEUS_CHUNK_TOKENS "
            "(which re-embeds everything) or choose another model."
        )
