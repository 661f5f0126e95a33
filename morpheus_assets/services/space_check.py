"""Asks the provider of each configured space, and says what was found: model, size, limits, speed, faults.

Image spaces of this machine are left out: they have no endpoint, and may first have to load 600 MB.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import LOWEST_COSINE, Space
from morpheus_assets.embedding.errors import EmbeddingError, RequestTooLarge
from morpheus_assets.embedding.models import model_note
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.services.configured_spaces import (
    configured_text_spaces,
    image_spaces_elsewhere,
    inputs_per_request,
    limits_per_minute,
    open_provider,
    price_of,
)
from morpheus_assets.services.space_tables import listed_names, space_tables
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult

# A few cents would be too much for a look: what it sends is short, but for two passages of the largest size.
_PASSAGES = (
    "The ship came home in the evening, and nobody on the quay knew her.",
    "She put the letter on the table without a word and went out into the rain.",
    "He had not been in this house for eleven years, and every door creaked as it used to.",
    "At noon the bells began, and the whole street stood still to listen.",
)
_QUESTION = "Who came home in the evening?"
# A sentence of so many word pieces, and the ends of two passages of them.
_SENTENCE, _PIECES = "The rain fell on the roofs of the old town.", 11
_LAST = ("At last the captain burned every letter.", "Nobody ever saw the two sisters again.")
# Inputs of the first request that are sent again.
_MET_AGAIN = 2
# The cosine from which two vectors are the same but for rounding; the ends alone make at least a thousandth.
_ALIKE = 0.99999


@dataclass(frozen=True)
class CheckedSpace:
    """What a space's provider answered; `fault` is the sentence of what went wrong instead (empty: nothing).

    `warning` is what of the answers spoils the vectors.
    """

    space: Space
    model: str = ""
    question_model: str = ""
    seconds: float = 0.0
    encoding: str = ""
    counted: bool = True
    tokens: int = 0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    inputs_per_request: int = 0
    price: Decimal | None = None
    fault: str = ""
    warning: str = ""


def check_spaces(settings: Settings) -> list[CheckedSpace]:
    """Ask for each space of the settings in order; raises ConfigurationError for a fault in the settings alone."""
    spaces = [*configured_text_spaces(settings), *image_spaces_elsewhere(settings)]
    return [asyncio.run(_check(settings, space)) for space in spaces]


def unused_tables(settings: Settings) -> list[str]:
    """The tables of spaces.toml that neither MORPHEUS_TEXT_SPACES nor MORPHEUS_IMAGE_SPACES names."""
    named = {*listed_names(settings, "text"), *listed_names(settings, "image")}
    return [name for name in space_tables(settings) if name not in named]


def _documents(space: Space) -> list[Any]:
    if space.purpose == "text":
        return list(_PASSAGES)
    from PIL import Image

    return [Image.new("RGB", (64, 64), colour) for colour in ("navy", "teal", "olive", "maroon")]


async def _check(settings: Settings, space: Space) -> CheckedSpace:
    try:
        provider = open_provider(settings, space)
    except EmbeddingError as error:
        return CheckedSpace(space, fault=str(error))
    try:
        asked = _documents(space)
        most = inputs_per_request(settings, space)
        # The first call opens a connection, or loads a model.
        first = await _embed(provider, [*_long_passages(settings, space), asked[0], asked[-1]], most)
        begun = time.perf_counter()
        documents = await _embed(provider, asked, most)
        seconds = time.perf_counter() - begun
        question = await provider.embed([_QUESTION], "query")
    except EmbeddingError as error:
        return CheckedSpace(space, fault=str(error))
    finally:
        await provider.close()
    found = _found(settings, space, documents, question, seconds, provider.limits.max_inputs)
    return replace(found, warning=_warning(settings, first.embeddings, documents.embeddings))


async def _embed(provider: "EmbeddingProvider", inputs: list[Any], most: int) -> "EmbeddingResult":
    """All inputs in one request, or one by one where the space or its server takes fewer in one."""
    import numpy as np

    if len(inputs) <= most:
        try:
            return await provider.embed(inputs, "document")
        except RequestTooLarge:
            pass
    parts = [await provider.embed([each], "document") for each in inputs]
    vectors = np.concatenate([part.embeddings for part in parts])
    return replace(parts[-1], embeddings=vectors, total_tokens=sum(part.total_tokens for part in parts))


def _long_passages(settings: Settings, space: Space) -> list[str]:
    """Two passages as long as the largest chunk, with other ends; none for a model of this machine."""
    if space.purpose != "text" or is_local(space):
        return []
    sentences = max(1, settings.chunk_tokens // _PIECES - 1)
    return [" ".join([*[_SENTENCE] * sentences, last]) for last in _LAST]


def _warning(settings: Settings, first: "np.ndarray", documents: "np.ndarray") -> str:
    """What of the vectors is wrong; the last two of the first request are of the first and last document."""
    if len(first) > _MET_AGAIN and _cosine(first[0], first[1]) > _ALIKE:
        return (
            f"passages of {settings.chunk_tokens} word pieces are not read to their end, for two that differ there get"
            " the same vector: give the server a longer context, or lower MORPHEUS_CHUNK_TOKENS (which re-embeds"
            " everything)."
        )
    if min(_cosine(first[-2], documents[0]), _cosine(first[-1], documents[-1])) < LOWEST_COSINE:
        return (
            "the same input gets another vector when others are sent with it, or it comes in another order: set"
            " inputs_per_request = 1 in its table of spaces.toml, or mend the server."
        )
    return ""


def _cosine(one: "np.ndarray", other: "np.ndarray") -> float:
    import numpy as np

    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def _found(
    settings: Settings,
    space: Space,
    documents: "EmbeddingResult",
    question: "EmbeddingResult",
    seconds: float,
    max_inputs: int,
) -> CheckedSpace:
    requests, tokens = limits_per_minute(settings, space)
    said = documents.limits
    return CheckedSpace(
        space,
        model=documents.model,
        question_model=question.model,
        seconds=seconds,
        encoding=documents.encoding,
        counted=documents.counted,
        tokens=documents.total_tokens,
        requests_per_minute=min(requests, said.limit_requests or requests) if said else requests,
        tokens_per_minute=min(tokens, said.limit_tokens or tokens) if said else tokens,
        inputs_per_request=min(max_inputs, inputs_per_request(settings, space)),
        price=price_of(settings, space, 1_000_000),
    )


def describe_checks(checked: list[CheckedSpace]) -> str:
    """A table for a person, with the faults below it."""
    heads = (
        "space",
        "model",
        "questions by",
        "dims",
        "vectors as",
        "tokens",
        "a minute",
        "a request",
        "4 inputs",
        "price",
    )
    rows = [heads, *(_row(each) for each in checked)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{each.space.key}: {each.fault or each.warning}" for each in checked if each.fault or each.warning]
    lines += [f"{each.space.key}: {note}" for each in checked if (note := model_note(each.space))]
    return "\n".join(lines)


def check_as_json(each: CheckedSpace) -> dict[str, Any]:
    """For machines; `fault` is empty where the provider answered, and `price` is in US dollars for a million tokens."""
    told = {name: getattr(each, name) for name in CheckedSpace.__dataclass_fields__ if name not in ("space", "price")}
    space = {"space": each.space.key, "provider": each.space.provider, "dimensions": each.space.dimensions}
    price = None if each.price is None else float(each.price)
    return {**space, **told, "price": price, "note": model_note(each.space) or ""}


def _row(each: CheckedSpace) -> tuple[str, ...]:
    name = (each.space.key, f"{each.space.provider}/{each.space.model}")
    if each.fault:
        return (*name, "", str(each.space.dimensions), "no answer", "", "", "", "", "")
    local = is_local(each.space)
    return (
        name[0],
        each.model if local else f"{name[1]}" if each.model == each.space.model else f"{name[1]} as {each.model}",
        "" if each.question_model == each.model else each.question_model,
        str(each.space.dimensions),
        each.encoding or "here",
        f"{each.tokens}" if each.counted else f"about {each.tokens}, not said" if each.tokens else "not said",
        "" if local else f"{each.requests_per_minute:,} requests, {each.tokens_per_minute:,} tokens",
        f"{each.inputs_per_request} inputs",
        f"{1000 * each.seconds:,.0f} ms",
        "not known" if each.price is None else f"${each.price.normalize():f} for 1M",
    )
