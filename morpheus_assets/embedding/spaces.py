"""What makes two vectors comparable: the identity of an embedding space, and how people write its name.

Nothing here opens a model or a connection. Image spaces, which depend on weights, are in image_spaces.py.
"""

import math
import re
from dataclasses import dataclass

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.models import find_model, known_models

TEXT_PROVIDERS = ("openai", "voyage", "sentence-transformers")
IMAGE_PROVIDERS = ("open_clip", "remote_clip")

# Chunks are measured in word pieces; other tokenizers were measured at up to 1.4 of that (Chinese, cl100k).
_TOKENIZER_MARGIN = 1.5


@dataclass(frozen=True)
class SpaceName:
    """A space as a person wrote it: `provider/model[@dimensions]`, or `provider/model[@tag]` for images."""

    provider: str
    model: str
    dimensions: int | None = None
    tag: str | None = None

    def __str__(self) -> str:
        suffix = self.dimensions if self.dimensions is not None else self.tag
        return f"{self.provider}/{self.model}" + (f"@{suffix}" if suffix is not None else "")


def slug(*parts: str | int) -> str:
    """Join parts into a key of lower-case letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(str(part) for part in parts).lower()).strip("-")


def parse_space_names(
    text: str, *, variable: str = "MORPHEUS_TEXT_SPACES", any_openai_model: bool = False
) -> list[SpaceName]:
    """Read a comma list of space names, in order.

    `any_openai_model` (for an OpenAI-compatible endpoint of one's own) lets `openai/NAME@DIMENSIONS` pass for
    a model that is not known. Raises ConfigurationError naming `variable`, what it holds and what it may.
    """
    names = [_parse_name(part.strip(), variable, any_openai_model) for part in text.split(",") if part.strip()]
    if not names:
        raise ConfigurationError(f"{variable} is empty: name at least one space, such as {known_models()}.")
    twice = {str(name) for name in names if names.count(name) > 1}
    if twice:
        raise ConfigurationError(f"{variable}={text!r} names {', '.join(sorted(twice))} twice: name it once.")
    return names


def _parse_name(part: str, variable: str, any_openai_model: bool) -> SpaceName:
    provider, slash, rest = part.partition("/")
    provider = {"sentence_transformers": "sentence-transformers", "open-clip": "open_clip"}.get(provider, provider)
    if provider in IMAGE_PROVIDERS and slash and rest:
        if rest.startswith("local:"):
            return SpaceName(provider, rest)
        model, _, tag = rest.partition("@")
        return SpaceName(provider, model, tag=tag or None)
    if provider not in TEXT_PROVIDERS or not rest:
        raise ConfigurationError(
            f"{variable} names {part!r}, which is no space: write provider/model[@dimensions], "
            f"such as {known_models()}, or open_clip/MODEL@TAG for images."
        )
    model, at, size = rest.partition("@")
    if at and not (size.isascii() and size.isdigit() and int(size) > 0):
        raise ConfigurationError(
            f"{variable} names {part!r}, where {size!r} is no number of dimensions: write "
            f"{provider}/{model}@1024 or leave it out."
        )
    name = SpaceName(provider, model, int(size) if at else None)
    _check_model(name, variable, any_openai_model)
    return name


def _check_model(name: SpaceName, variable: str, any_openai_model: bool) -> None:
    model = find_model(name.provider, name.model)
    if model is not None:
        if name.dimensions is not None and not model.allows(name.dimensions):
            raise ConfigurationError(
                f"{variable} names {name}, but {name.model} gives vectors of {model.allowed_dimensions} "
                "dimensions: choose one of them."
            )
        return
    free = name.provider == "sentence-transformers" or (name.provider == "openai" and any_openai_model)
    if free and name.dimensions is not None:
        return
    hint = f", or any other model as {name.provider}/NAME@DIMENSIONS" if free else ""
    raise ConfigurationError(
        f"{variable} names the unknown model {name}: known are {known_models(name.provider)}{hint}."
    )


def resolve_text_space(name: SpaceName | str, *, any_openai_model: bool = False) -> Space:
    """The text space of that name; raises ConfigurationError for an unknown model or one for images."""
    if isinstance(name, str):
        (name,) = parse_space_names(name, any_openai_model=any_openai_model)
    if name.provider not in TEXT_PROVIDERS:
        raise ConfigurationError(f"{name} embeds images, not text: name it in MORPHEUS_IMAGE_SPACES.")
    _check_model(name, "MORPHEUS_TEXT_SPACES", any_openai_model or name.dimensions is not None)
    model = find_model(name.provider, name.model)
    dimensions = name.dimensions or (model.dimensions if model else 0)
    return Space(
        key=slug(name.provider, name.model, dimensions),
        purpose="text",
        provider=name.provider,
        model=name.model,
        revision=model.revision if model else "",
        dimensions=dimensions,
        preparation={
            "openai": "as is",
            "voyage": "input_type",
            "sentence-transformers": "prompts, unit norm",
        }[name.provider],
        max_input_tokens=model.max_input_tokens if model else None,
    )


def check_capacity(space: Space, largest_chunk_tokens: int) -> None:
    """Refuse a space whose model cannot take the largest chunk.

    `largest_chunk_tokens` counts word pieces, as the chunker does. Raises ConfigurationError with numbers.
    """
    if space.max_input_tokens is None:
        return
    same_tokenizer = space.provider == "sentence-transformers"
    needed = largest_chunk_tokens if same_tokenizer else math.ceil(largest_chunk_tokens * _TOKENIZER_MARGIN)
    if needed > space.max_input_tokens:
        raise ConfigurationError(
            f"{space.provider}/{space.model} takes {space.max_input_tokens} tokens an input, but a chunk of "
            f"{largest_chunk_tokens} word pieces may need {needed}: lower MORPHEUS_CHUNK_TOKENS "
            "(which re-embeds everything) or choose another model."
        )
