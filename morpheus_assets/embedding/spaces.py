"""Spaces as the settings name or describe them: read, checked against the providers, and resolved.

Nothing here opens a model or a connection. A provider whose spaces depend on weights resolves them itself.
"""

import hashlib
import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from morpheus_assets.domain.spaces import MOST_DIMENSIONS, TITLES, Space, SpaceName, space_key
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.local_text.folders import LOCAL, read_folder
from morpheus_assets.embedding.models import known_models
from morpheus_assets.embedding.preparation import Preparation
from morpheus_assets.embedding.providers.base import EmbeddingModel, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.registry import PROVIDERS, find_provider

# Chunks are measured in word pieces; other tokenizers were measured at up to 1.4 of that (Chinese, cl100k).
_TOKENIZER_MARGIN = 1.5
# The same for the passages of a document together, with room for the last of them.
_CONTEXT_MARGIN = 1.6
# Both titles that stand before a passage, each cut at 60 characters (store/content/queries.sql), in Chinese.
_TITLES_TOKENS = 124
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
# The model of a space whose weights lie in a folder: they are told apart by their hash.
_IN_A_FOLDER = "local"


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
        raise ConfigurationError(f"{variable} is empty: name at least one space, such as {_text_examples()}.")
    twice = {str(name) for name in names if names.count(name) > 1}
    if twice:
        raise ConfigurationError(f"{variable}={text!r} names {', '.join(sorted(twice))} twice: name it once.")
    return names


def _parse_name(part: str, variable: str, own_endpoints: Collection[str]) -> SpaceName:
    written, _, rest = part.partition("/")
    spec = find_provider(written)
    if spec is not None and spec.purpose == "text" and variable == "MORPHEUS_IMAGE_SPACES":
        # A vendor's name means its multimodal models here.
        spec = find_provider(f"{spec.name}_multimodal") or spec
    if spec is None or not rest:
        raise ConfigurationError(
            f"{variable} names {part!r}, which is no space: write provider/model[@dimensions], "
            f"such as {_text_examples()}, or {_image_examples()[0]} for images."
        )
    if spec.purpose == "image":
        if rest.startswith("local:"):
            return SpaceName(spec.name, rest)
        model, _, tag = rest.partition("@")
        return SpaceName(spec.name, model, tag=tag or None)
    # A folder's name may hold such a sign, and its weights tell themselves apart.
    rest, mark, revision = (rest, "", "") if rest.startswith(LOCAL) else rest.partition("#")
    if mark and not _REVISION.fullmatch(revision):
        raise ConfigurationError(
            f"{variable} names {part!r}, where {revision!r} is no revision: write {spec.name}/{rest}#2, a short word."
        )
    model, at, size = _split_size(rest)
    if at and not (size.isascii() and size.isdigit() and int(size) > 0):
        raise ConfigurationError(
            f"{variable} names {part!r}, where {size!r} is no number of dimensions: write "
            f"{spec.name}/{model}@1024 or leave it out."
        )
    name = SpaceName(spec.name, model, int(size) if at else None, revision=revision or None)
    _check_dimensions(name, name.dimensions or 0, variable)
    _check_model(spec, name, variable, own_endpoint=spec.name in own_endpoints)
    return name


def _split_size(rest: str) -> tuple[str, str, str]:
    if not rest.startswith(LOCAL):
        return rest.partition("@")
    # A folder's name may hold an @ of its own.
    model, at, size = rest.rpartition("@")
    return (model, at, size) if size.isdecimal() else (rest, "", "")


def _check_model(spec: ProviderSpec, name: SpaceName, variable: str, *, own_endpoint: bool) -> None:
    if name.model.startswith(LOCAL) and spec.is_local:
        found = read_folder(name.model.removeprefix(LOCAL))
        if name.dimensions not in (None, found.dimensions):
            raise ConfigurationError(
                f"{variable} names {name}, but the model in {found.folder} gives vectors of {found.dimensions}"
                " dimensions: leave the number out."
            )
        return
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
    written = (
        f"with `dimensions = …` beside it, or as {name.provider}/NAME@DIMENSIONS"
        if "table [" in variable
        else (f"as {name.provider}/NAME@DIMENSIONS")
    )
    hint = f", or any other model {written}" if any_model else ""
    raise ConfigurationError(
        f"{variable} names the unknown model {name}: known are {known_models(name.provider)}{hint}."
    )


def resolve_text_space(name: SpaceName | str, *, own_endpoints: Collection[str] = ()) -> Space:
    """The text space of that name; raises ConfigurationError for an unknown model or one for images."""
    if isinstance(name, str):
        (name,) = parse_space_names(name, own_endpoints=own_endpoints)
    spec = _text_provider(name, "MORPHEUS_TEXT_SPACES")
    own_endpoint = spec.name in own_endpoints or name.dimensions is not None
    described = SpaceDescription(name, revision=name.revision, own_endpoint=own_endpoint)
    return resolve_described_space(described, "MORPHEUS_TEXT_SPACES")


@dataclass(frozen=True)
class SpaceDescription:
    """A text space with more than its name: all that makes its vectors comparable, and what its model takes.

    The prefixes are put before each input (None: the model's own), `shorten` is the number of dimensions to which the
    vectors are cut. `context` is "titles" or "chapter" (None: as the model is made for), `context_tokens` the word
    pieces of a chapter that are embedded together at most. `revision` are any words that tell these vectors from others
    of the model. `own_endpoint`: the model is asked for at another address than the vendor's.
    """

    name: SpaceName
    document_prefix: str | None = None
    query_prefix: str | None = None
    shorten: int | None = None
    context: str | None = None
    context_tokens: int | None = None
    revision: str | None = None
    max_input_tokens: int | None = None
    own_endpoint: bool = False


def resolve_described_space(described: SpaceDescription, where: str) -> Space:
    """The text space of a description; raises ConfigurationError, one sentence that begins with `where`."""
    name = described.name
    spec = _text_provider(name, where)
    _check_model(spec, name, where, own_endpoint=described.own_endpoint)
    model = spec.model(name.model)
    if name.model.startswith(LOCAL) and spec.is_local:
        model = _model_in_folder(spec, name)
    given = name.dimensions or (model.dimensions if model else 0)
    dimensions = described.shorten or given
    if spec.is_local and model is not None:
        # A server shortens its vectors itself; here that is ours to do.
        given = model.dimensions
    _check_shortening(described, model, given, where)
    _check_dimensions(name, dimensions, where)
    own = Preparation("", *((model.document_prefix, model.query_prefix) if model else ()))
    preparation = Preparation(
        spec.preparation,
        described.document_prefix if described.document_prefix is not None else own.document_prefix,
        described.query_prefix if described.query_prefix is not None else own.query_prefix,
        given if dimensions != given else None,
        _context(described, model, where),
    )
    revision = model.revision if model else ""
    if described.revision:
        # The weights of a folder are what finds it again.
        revision = f"{revision} {described.revision}" if revision.startswith("sha256:") else described.revision
    identity = model.name if model is not None else name.model
    parts: list[str | int] = [name.provider, identity, dimensions]
    if preparation.is_own or described.revision or identity == _IN_A_FOLDER:
        # Another preparation is another space, beside the first one, so it needs a key of its own.
        parts.append(hashlib.sha256(f"{preparation}\n{revision}".encode()).hexdigest()[:6])
    return Space(
        key=space_key(*parts),
        purpose="text",
        provider=name.provider,
        model=identity,
        revision=revision,
        dimensions=dimensions,
        preparation=str(preparation),
        max_input_tokens=described.max_input_tokens or (model.max_input_tokens if model else None),
    )


def check_query_model(described: SpaceDescription, query: SpaceName, where: str) -> None:
    """Raise ConfigurationError unless the models of documents and of queries are of one family."""
    own, other = (_known_model(name) for name in (described.name, query))
    if own is None or other is None or not own.family or own.family != other.family:
        families = sorted(
            f"{spec.name}/{model.name}"
            for spec in PROVIDERS.values()
            for model in spec.models
            if own is not None and own.family and model.family == own.family
        )
        raise ConfigurationError(
            f"{where}: query_model is {query}, whose vectors do not compare with those of {described.name}: "
            + (f"choose one of {', '.join(families)}." if families else "leave it out, for it has no family.")
        )
    if not other.allows(described.name.dimensions or own.dimensions):
        raise ConfigurationError(
            f"{where}: query_model {query} gives vectors of {other.allowed_dimensions} dimensions and not of"
            f" {described.name.dimensions or own.dimensions}: choose dimensions that both give."
        )


def _model_in_folder(spec: ProviderSpec, name: SpaceName) -> EmbeddingModel:
    found = read_folder(name.model.removeprefix(LOCAL))
    # A folder that is called like a known model holds it, as a rule, and that one's prefixes are no part of its files.
    called = found.folder.name.lower()
    known = next((each for each in spec.models if each.name.rsplit("/", 1)[-1].lower() == called), None)
    return EmbeddingModel(
        _IN_A_FOLDER,
        found.dimensions,
        found.max_input_tokens,
        max_inputs=256,
        revision=found.revision,
        document_prefix=known.document_prefix if known else "",
        query_prefix=known.query_prefix if known else "",
        other_dimensions=known.other_dimensions if known else (),
    )


def _known_model(name: SpaceName) -> EmbeddingModel | None:
    spec = find_provider(name.provider)
    return spec.model(name.model) if spec is not None else None


def _text_provider(name: SpaceName, where: str) -> ProviderSpec:
    spec = find_provider(name.provider)
    if spec is None or spec.purpose != "text":
        raise ConfigurationError(f"{where}: {name} embeds images, not text: name it in MORPHEUS_IMAGE_SPACES.")
    return spec


def _check_shortening(described: SpaceDescription, model: EmbeddingModel | None, given: int, where: str) -> None:
    if described.shorten is None:
        return
    if not 1 <= described.shorten < given:
        raise ConfigurationError(
            f"{where}: shorten is {described.shorten}, but {described.name.model} gives vectors of {given} dimensions:"
            " write a smaller number, or leave it out."
        )
    if model is not None and not (model.any_dimensions or model.other_dimensions):
        raise ConfigurationError(
            f"{where}: {described.name.model} was not trained to be shortened, its vectors would mean little: leave"
            " `shorten` out."
        )


def _context(described: SpaceDescription, model: EmbeddingModel | None, where: str) -> str:
    """`Space.context` of a description; raises ConfigurationError where its model is not made for it."""
    together, name = model.context_tokens if model is not None else None, described.name.model
    if described.context == TITLES and together:
        raise ConfigurationError(
            f'{where}: context is "titles", but {name} embeds the passages of a chapter together: leave it out.'
        )
    if described.context not in (None, TITLES) and not together:
        raise ConfigurationError(
            f'{where}: context is "chapter", but {name} embeds each passage by itself: write context = "titles", or'
            f" choose a model that takes the passages of a chapter together, such as {_made_for_chapters()}."
        )
    if described.context_tokens is not None and not together:
        raise ConfigurationError(
            f"{where}: context_tokens is for models that take the passages of a chapter together, and {name} is none:"
            " leave it out."
        )
    if not together:
        return described.context or ""
    most = int(together / _CONTEXT_MARGIN)
    if (described.context_tokens or 0) > most:
        raise ConfigurationError(
            f"{where}: context_tokens is {described.context_tokens}, but {name} takes {together} tokens together, which"
            f" is safe up to {most} word pieces: write {most} or less."
        )
    return f"chapter {described.context_tokens or most}"


def _made_for_chapters() -> str:
    every = ((spec, model) for spec in PROVIDERS.values() for model in spec.models)
    return ", ".join(f"{spec.name}/{model.name}" for spec, model in every if model.context_tokens and not model.note)


def _check_dimensions(name: SpaceName, dimensions: int, where: str) -> None:
    if dimensions > MOST_DIMENSIONS:
        raise ConfigurationError(
            f"{where} names {name} with {dimensions} dimensions, and Postgres indexes at most {MOST_DIMENSIONS}: if the"
            f" model was trained for it (Matryoshka), write `shorten = 1024` beside `dimensions = {dimensions}` in a"
            " table of spaces.toml, else choose another model."
        )


def resolve_image_space(name: SpaceName, options: ProviderOptions) -> Space:
    """The image space of that name; raises ConfigurationError, one sentence, also for unreadable weights."""
    spec = find_provider(name.provider)
    if spec is None or spec.purpose != "image" or spec.resolve is None:
        *others, last = _image_examples()
        raise ConfigurationError(f"`{name}` is no image space: write {', '.join(others)} or {last}.")
    return spec.resolve(name, options)


def _text_examples() -> str:
    return ", ".join(f"{spec.name}/{spec.models[0].name}" for spec in PROVIDERS.values() if spec.purpose == "text")


def _image_examples() -> list[str]:
    return [example for spec in PROVIDERS.values() if spec.purpose == "image" for example in spec.examples]


def check_capacity(space: Space, largest_chunk_tokens: int, where: str = "") -> None:
    """Refuse a space whose model cannot take the largest chunk.

    `largest_chunk_tokens` counts word pieces, as the chunker does; `where` is the table that describes the space.
    Raises ConfigurationError with numbers.
    """
    if space.max_input_tokens is None:
        return
    spec = find_provider(space.provider)
    if space.context == TITLES:
        largest_chunk_tokens += _TITLES_TOKENS
    same_tokenizer = spec is not None and spec.counts_word_pieces
    needed = largest_chunk_tokens if same_tokenizer else math.ceil(largest_chunk_tokens * _TOKENIZER_MARGIN)
    if needed > space.max_input_tokens:
        raise ConfigurationError(
            f"{where and f'{where}: '}{space.provider}/{space.model} takes {space.max_input_tokens} tokens an input, "
            f"but a chunk of {largest_chunk_tokens} word pieces may need {needed}: lower MORPHEUS_CHUNK_TOKENS "
            "(which re-embeds everything) or choose another model."
        )
