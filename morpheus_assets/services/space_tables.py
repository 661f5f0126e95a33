"""spaces.toml: spaces with options of their own, a table each, beside the short form of the settings.

What an option means stands at its field of SpaceOptions; a fault is one sentence that names file, table and option.
"""

import difflib
import re
import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from morpheus_assets.domain.spaces import TITLES, Space, SpaceName, space_key
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers.base import ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.registry import PROVIDERS, find_provider
from morpheus_assets.embedding.spaces import (
    SpaceDescription,
    check_query_model,
    parse_space_names,
    resolve_described_space,
    resolve_image_space,
)
from morpheus_assets.settings import Settings

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What other tools call an option.
_MEANT = {
    "api_key": "key_variable", "key": "key_variable", "token": "key_variable", "url": "endpoint",
    "base_url": "endpoint", "api_base": "endpoint", "dims": "dimensions", "size": "dimensions",
    "batch_size": "inputs_per_request", "max_inputs": "inputs_per_request", "instruction": "query_prefix",
}  # fmt: skip

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Count = Annotated[int, Field(ge=1)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


# The options that a space of images has no use for.
_OF_TEXT = (
    "shorten", "document_prefix", "query_prefix", "context", "context_tokens", "query_model", "tokens_per_request",
    "max_input_tokens", "batch", "batch_price",
)  # fmt: skip


class SpaceOptions(BaseModel):
    """The options of one table. Those that make vectors comparable are a part of the space; the others may change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    provider: Name | None = Field(None, description="Provider, as in the short form; the table's name may hold it.")
    model: Name | None = Field(None, description="Model; a part of the space.")
    dimensions: Count | None = Field(None, description="Dimensions that the model is asked for; a part of the space.")
    shorten: Count | None = Field(None, description="Dimensions to which vectors are cut here; a part of the space.")
    document_prefix: str | None = Field(None, description="Words before each passage; a part of the space.")
    query_prefix: str | None = Field(None, description="Words before each question; a part of the space.")
    context: Literal["titles", "chapter"] | None = Field(
        None, description="What goes into a passage's vector with it: `titles` or `chapter`; a part of the space."
    )
    context_tokens: Count | None = Field(
        None, description="Word pieces of a chapter that are embedded together; a part of the space."
    )
    revision: Name | None = Field(None, description="Any words that tell these vectors from others of the model.")
    query_model: Name | None = Field(None, description="Model of the same family that embeds questions.")
    endpoint: Name | None = Field(None, description="Address; `?api-version=…` at its end goes to each request.")
    key_variable: Name | None = Field(None, description="Environment variable that holds the key.")
    stored_key: Name | None = Field(None, description="Name of a key stored with `morpheus keys set NAME`.")
    key_header: Name | None = Field(None, description="Header that carries the key, such as `api-key` for Azure.")
    served_as: Name | None = Field(None, description="The model's name at the endpoint, such as a deployment's.")
    answers_as: tuple[Name, ...] = Field((), description="Further names that answers may give the model.")
    requests_per_minute: Count | None = Field(None, description="Instead of MORPHEUS_REQUESTS_PER_MINUTE.")
    tokens_per_minute: Count | None = Field(None, description="Instead of MORPHEUS_TOKENS_PER_MINUTE.")
    inputs_per_request: Count | None = Field(None, description="Instead of MORPHEUS_INPUTS_PER_REQUEST.")
    tokens_per_request: Count | None = Field(None, description="Tokens of one request, at most.")
    max_input_tokens: Count | None = Field(None, description="Tokens of one input, at most.")
    timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="Instead of MORPHEUS_REQUEST_TIMEOUT_SECONDS."
    )
    price: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="Dollars for a million tokens."
    )
    batch: bool | None = Field(
        None, description="Instead of MORPHEUS_REEMBED_BATCH; `true` if an `endpoint` has a batch API."
    )
    batch_price: Dollars | None = Field(
        None, description="Dollars for a million tokens in the batch API; unset: the vendor's share of `price`."
    )


@dataclass(frozen=True)
class SpaceTable:
    """One table: its name, the space that it describes, and its options."""

    name: str
    file: Path
    spec: ProviderSpec
    description: SpaceDescription
    options: SpaceOptions
    query_model: SpaceName | None = None

    @property
    def where(self) -> str:
        """The place for a person."""
        return f"{self.file.name}, table [{self.name}]"

    def space(self) -> Space:
        """The space that the table describes; raises ConfigurationError."""
        if self.spec.purpose == "text":
            return resolve_described_space(self.description, self.where)
        space = resolve_image_space(self.description.name, ProviderOptions())
        own = self.description.revision
        if own is None:
            return space
        return replace(space, key=space_key(space.key, own), revision=f"{space.revision} {own}".strip())

    @property
    def is_asked_elsewhere(self) -> bool:
        """True when it is asked otherwise than its provider's short form: where, with which key, or in which words."""
        options = self.options
        place = (options.endpoint, options.key_variable, options.stored_key, options.key_header, options.served_as)
        words = (options.document_prefix, options.query_prefix, options.context, options.revision, options.shorten)
        return any(each is not None for each in (*place, *words))

    @property
    def price(self) -> Decimal | None:
        """Dollars for a million tokens, None where the table names none."""
        return None if self.options.price is None else Decimal(str(self.options.price))


def listed_names(settings: Settings, purpose: str) -> list[str]:
    """What MORPHEUS_TEXT_SPACES or MORPHEUS_IMAGE_SPACES names, as it is written, in order."""
    written = settings.text_spaces if purpose == "text" else settings.image_spaces
    return [part.strip() for part in written.split(",") if part.strip()]


def space_tables(settings: Settings) -> dict[str, SpaceTable]:
    """The tables of the settings' file by name, in its order; none without a file. Raises ConfigurationError."""
    file = settings.spaces_file
    try:
        stamp = file.stat()
    except FileNotFoundError:
        if "spaces_file" in settings.model_fields_set:
            raise ConfigurationError(
                f"MORPHEUS_SPACES_FILE names {file}, which does not exist: write it, or leave the variable out."
            ) from None
        return {}
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror}): check its rights.") from None
    return _read(file, stamp.st_mtime_ns, stamp.st_size, frozenset(listed_names(settings, "image")))


def table_of(settings: Settings, space: Space) -> SpaceTable | None:
    """The table of a space, also of a stored one that the settings do not name any more: the named ones come first."""
    tables = space_tables(settings)
    if not tables:
        return None
    named = listed_names(settings, space.purpose)
    for table in sorted(tables.values(), key=lambda each: each.name not in named):
        if table.spec.purpose == space.purpose and table.space().fingerprint == space.fingerprint:
            return table
    return None


@lru_cache(maxsize=8)
def _read(file: Path, _changed: int, _size: int, of_images: frozenset[str]) -> dict[str, SpaceTable]:
    try:
        # Windows' editor puts a mark before UTF-8.
        content = tomllib.loads(file.read_text("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is no TOML: {error}. Correct that line.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}): write it as UTF-8.") from None
    return {name: _table(file, name, values, name in of_images) for name, values in content.items()}


def _table(file: Path, name: str, values: object, of_images: bool) -> SpaceTable:
    where = f"{file.name}, table [{name}]"
    if isinstance(values, list) and all(isinstance(each, dict) for each in values):
        raise ConfigurationError(f"{file.name}: [[{name}]] is a list of tables: write [{name}], once for each space.")
    if not isinstance(values, dict):
        raise ConfigurationError(
            f"{file.name}: {name} stands outside of any table: write it below a line such as [my-space]."
        )
    try:
        options = SpaceOptions.model_validate(values | _tuples(values))
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_sentence(error)}") from None
    space_name, spec = _name(where, name, options, of_images)
    if spec.purpose == "image" and (given := [each for each in _OF_TEXT if getattr(options, each) is not None]):
        raise ConfigurationError(
            f"{where}: {given[0]} is for spaces of text, and {spec.name} embeds images: leave it out."
        )
    if options.key_variable is not None and options.stored_key is not None:
        raise ConfigurationError(f"{where}: key_variable and stored_key are both given: leave one of them out.")
    if (options.batch or options.batch_price is not None) and spec.batch is None:
        known = ", ".join(each.name for each in PROVIDERS.values() if each.batch is not None)
        raise ConfigurationError(
            f"{where}: no batch API of {spec.name} is used here, only those of {known}: leave `batch` and"
            " `batch_price` out."
        )
    if options.endpoint is not None and not _is_address(options.endpoint):
        # Not repeated: it may hold a password.
        raise ConfigurationError(
            f"{where}: endpoint is no address: write one such as http://host:8080/v1, without user or password."
        )
    if options.key_variable is not None and not _VARIABLE.fullmatch(options.key_variable):
        # Not repeated: it may be the key.
        raise ConfigurationError(
            f"{where}: key_variable is no name of an environment variable: write one such as OUR_KEY, and the key"
            " itself into the environment or .env under that name."
        )
    if options.key_header is not None and not _HEADER.fullmatch(options.key_header):
        raise ConfigurationError(
            f"{where}: key_header is {options.key_header!r}, which is no name of a header: write one such as api-key."
        )
    described = SpaceDescription(
        space_name,
        document_prefix=options.document_prefix,
        query_prefix=options.query_prefix,
        shorten=options.shorten,
        context=options.context,
        context_tokens=options.context_tokens,
        revision=options.revision,
        max_input_tokens=options.max_input_tokens,
        own_endpoint=options.endpoint is not None,
    )
    query_model = None
    if options.query_model is not None:
        query_model = _query_name(where, space_name, options.query_model)
        check_query_model(described, query_model, where)
    table = SpaceTable(name, file, spec, described, options, query_model)
    if (
        spec.purpose == "text"
        and table.space().context not in ("", TITLES)
        and (options.batch or options.batch_price is not None)
    ):
        raise ConfigurationError(
            f"{where}: passages that are embedded together go to no batch API: leave `batch` and `batch_price` out."
        )
    return table


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.username or parts.password)


def _name(where: str, name: str, options: SpaceOptions, of_images: bool) -> tuple[SpaceName, ProviderSpec]:
    """The space's name from the options, or from a table that is called like the short form.

    `of_images`: MORPHEUS_IMAGE_SPACES names the table, where a vendor's name means its multimodal models; so it does
    where only those have a model of that name.
    """
    written, _, rest = name.partition("/")
    short = find_provider(written) if rest else None
    provider = options.provider or (short.name if short else None)
    model, _, size = rest.partition("@")
    model = options.model or (model if short else "")
    if provider is None or not model:
        lacking = "provider" if provider is None else "model"
        raise ConfigurationError(
            f'{where} lacks {lacking}: write `{lacking} = "…"`, such as provider = "openai" with'
            ' model = "text-embedding-3-large".'
        )
    spec = find_provider(provider)
    if spec is None:
        near = difflib.get_close_matches(provider, PROVIDERS, n=1)
        advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(PROVIDERS)}."
        raise ConfigurationError(f"{where}: provider is {provider!r}, which is not known: {advice}")
    multimodal = find_provider(f"{spec.name}_multimodal")
    only_there = multimodal is not None and spec.model(model) is None and multimodal.model(model) is not None
    if spec.purpose == "text" and (of_images or only_there):
        spec = multimodal or spec
        if spec.purpose == "text":
            raise ConfigurationError(f"{where}: {spec.name} embeds text: name the table in MORPHEUS_TEXT_SPACES.")
    dimensions = options.dimensions or (int(size) if size.isdecimal() else None)
    if spec.purpose == "text":
        return SpaceName(spec.name, model, dimensions), spec
    if spec.is_local:
        raise ConfigurationError(
            f"{where}: {spec.name} computes on this machine and has no endpoint, key or limit: name such a space in"
            " MORPHEUS_IMAGE_SPACES, without a table."
        )
    return SpaceName(spec.name, model, tag=None if dimensions is None else str(dimensions)), spec


def _query_name(where: str, own: SpaceName, written: str) -> SpaceName:
    provider, _, rest = written.partition("/")
    if rest and find_provider(provider) is not None:
        (found,) = parse_space_names(written, variable=f"{where}: query_model")
        return found
    return SpaceName(own.provider, written)


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    # TOML has arrays, and strict validation wants what the field says.
    return {name: tuple(value) for name, value in values.items() if isinstance(value, list)}


def _sentence(error: ValidationError) -> str:
    fault = error.errors()[0]
    option = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        near = _MEANT.get(option) or next(iter(difflib.get_close_matches(option, SpaceOptions.model_fields, n=1)), None)
        return f"{option} is no option: " + (
            f"did you mean {near}?" if near else f"known are {', '.join(SpaceOptions.model_fields)}."
        )
    given, said = fault["input"], str(fault["msg"]).replace("a valid tuple", "a list")
    shown = list(given) if isinstance(given, tuple) else given
    quoted = isinstance(given, str) and given.strip()
    advice = {
        "string_type": "write it in quotation marks",
        "string_too_short": "write a name, or leave the option out",
        "int_type": "write a whole number without quotation marks" if quoted else "write a whole number",
        "float_type": "write a number without quotation marks",
        "bool_type": "write true or false, without quotation marks",
        "tuple_type": f'write ["{given}"]' if quoted else "write names in brackets",
    }.get(fault["type"], "write another value, or leave the option out")
    return f"{option} is {shown!r}: {said[:1].lower()}{said[1:]}; {advice}."
