"""The embedding spaces that the settings name, and of each the open provider and its budget."""

import contextlib
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from morpheus_assets.domain.spaces import TITLES, Space, SpaceName, SpaceRow
from morpheus_assets.embedding import models
from morpheus_assets.embedding.clip.sources import DEMO_MODEL
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers import registry
from morpheus_assets.embedding.providers.base import BatchTerms, ProviderOptions, ProviderSpec
from morpheus_assets.embedding.providers.http_errors import split_query
from morpheus_assets.embedding.spaces import (
    SpaceDescription,
    check_capacity,
    parse_space_names,
    resolve_described_space,
    resolve_image_space,
    resolve_text_space,
)
from morpheus_assets.services.provider_keys import provider_key, providers_with_keys, stored_key
from morpheus_assets.services.samples import sample_novels
from morpheus_assets.services.space_tables import SpaceTable, listed_names, space_tables, table_of
from morpheus_assets.settings import Settings, read_variable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.embedding.providers.base import EmbeddingProvider
    from morpheus_assets.embedding.providers.batch_api import BatchApi
    from morpheus_assets.embedding.rate_limits import RequestBudget
    from morpheus_assets.store.accounts.rate_limits import PostgresBudget


PURPOSES = ("text", "image")
# Which of Dagster's partition sets it is over.
PARTITION_SETS = {"text": "novels", "image": "panels"}
# That of what reads both.
PARTITIONS_OF_BOTH = "novels_with_panels"


def configured_spaces(settings: Settings, purpose: str) -> list[Space]:
    """The spaces of one purpose in the settings' order: the first is the one to answer, the others stand by."""
    return configured_text_spaces(settings) if purpose == "text" else configured_image_spaces(settings)


def configured_text_spaces(settings: Settings) -> list[Space]:
    """The text spaces of the settings, in order: names in short form, or of tables in spaces.toml.

    Raises ConfigurationError for a wrong name, and for a space that cannot take a chunk.
    """
    own = own_endpoints(settings)
    named = _listed(settings, "text")
    spaces = []
    for _, each in named:
        if isinstance(each, SpaceName):
            spaces.append(resolve_text_space(each, own_endpoints=own))
        elif each.spec.purpose == "image":
            raise ConfigurationError(
                f"{each.where}: {each.spec.name} embeds images: name the table in MORPHEUS_IMAGE_SPACES."
            )
        else:
            spaces.append(each.space())
    _refuse_doubles("MORPHEUS_TEXT_SPACES", [part for part, _ in named], spaces)
    for space, (_, each) in zip(spaces, named, strict=True):
        check_capacity(space, settings.chunk_tokens, each.where if isinstance(each, SpaceTable) else "")
    return spaces


def configured_image_spaces(settings: Settings) -> list[Space]:
    """The image spaces of the settings, in order: names in short form, or of tables in spaces.toml.

    Raises ConfigurationError for a wrong name, and for unreadable weights.
    """
    return _image_spaces(settings, with_local=True)


def image_spaces_elsewhere(settings: Settings) -> list[Space]:
    """Those of the image spaces that are asked at an endpoint; looks at no weights. Raises ConfigurationError."""
    return _image_spaces(settings, with_local=False)


def _image_spaces(settings: Settings, *, with_local: bool) -> list[Space]:
    named = [(part, each) for part, each in _listed(settings, "image") if with_local or not _is_local(each)]
    spaces = [each.space() if isinstance(each, SpaceTable) else _image_space(settings, each) for _, each in named]
    _refuse_doubles("MORPHEUS_IMAGE_SPACES", [part for part, _ in named], spaces)
    return spaces


def _listed(settings: Settings, purpose: str) -> list[tuple[str, SpaceTable | SpaceName]]:
    """What the settings list for a purpose, as it is written and as a table or a name; raises ConfigurationError."""
    tables = space_tables(settings)
    # All short forms are read at once, so that one that is named twice is found.
    short = iter(_short_names(settings, purpose))
    return [(part, tables.get(part) or next(short)) for part in listed_names(settings, purpose)]


def _is_local(named: SpaceTable | SpaceName) -> bool:
    spec = named.spec if isinstance(named, SpaceTable) else registry.PROVIDERS[named.provider]
    return spec.is_local


def _refuse_doubles(variable: str, parts: Sequence[str], spaces: Sequence[Space]) -> None:
    keys = [space.key for space in spaces]
    for part, key in zip(parts, keys, strict=True):
        if keys.count(key) > 1:
            raise ConfigurationError(
                f"{variable}={','.join(parts)!r} names {part} and another one that is the same space: name one of them."
            )


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

    return kept_beside(settings, purpose, active_space(engine, purpose))


def kept_beside(settings: Settings, purpose: str, active: SpaceRow | None) -> list[SpaceRow]:
    """As `kept_spaces`, for who knows the active space."""
    if active is None or active.key in {space.key for space in wanted_spaces(settings, purpose)}:
        return []
    return [active]


def own_endpoints(settings: Settings) -> frozenset[str]:
    """The providers that the settings reach at another address than the vendor's."""
    return frozenset(spec.name for spec in registry.PROVIDERS.values() if _base_url(settings, spec) is not None)


def open_provider(settings: Settings, space: Space) -> "EmbeddingProvider":
    """The provider of a space, with its own options, else the key and address that the settings hold."""
    table = table_of(settings, space)
    if table is None or table.query_model is None:
        return registry.open_provider(space, _options(settings, space, table))
    questions = query_space(settings, space)
    assert questions is not None
    own = _options(settings, questions, table if questions.provider == space.provider else None)
    own = replace(own, served_as=None)
    return registry.open_provider(space, _options(settings, space, table), registry.open_provider(questions, own))


def query_space(settings: Settings, space: Space) -> Space | None:
    """The space of another model of the family that embeds questions for `space`; None: its own model does.

    Its vectors are those of `space`; only what is asked, and paid, differs.
    """
    table = table_of(settings, space)
    return None if table is None else _query_space(table, space)


def _query_space(table: SpaceTable, space: Space) -> Space | None:
    if table.query_model is None:
        return None
    named = replace(table.query_model, dimensions=space.dimensions)
    return resolve_described_space(SpaceDescription(named), table.where)


def price_of(settings: Settings, space: Space, tokens: int, input_type: str = "document") -> Decimal | None:
    """Dollars for `tokens` in `space`: 0 for a local model, None where no price is known."""
    table = table_of(settings, space)
    questions = _query_space(table, space) if table is not None and input_type == "query" else None
    if questions is not None:
        return models.price_of(questions, tokens)
    if table is not None and table.price is not None:
        return table.price * tokens / 1_000_000
    return models.price_of(space, tokens)


def batch_terms(settings: Settings, space: Space) -> BatchTerms | None:
    """What the batch API of the space's provider takes and asks for; None where it has none.

    Passages that are embedded together have none either: a line of a job is one passage. Nor has a server of one's own
    that speaks the vendor's protocol, unless the space's table says so.
    """
    table = table_of(settings, space)
    if table is not None and table.options.endpoint is not None and not table.options.batch:
        return None
    return registry.provider_of(space).batch if space.context in ("", TITLES) else None


def uses_batch(settings: Settings, space: Space) -> bool:
    """True when the space is re-embedded through a batch API, as its table or the settings say."""
    table = table_of(settings, space)
    chosen = table.options.batch if table is not None else None
    return batch_terms(settings, space) is not None and (settings.reembed_batch if chosen is None else chosen)


def batch_price_of(settings: Settings, space: Space, tokens: int) -> Decimal | None:
    """Dollars for `tokens` in the provider's batch API; None where no price is known."""
    table, terms = table_of(settings, space), batch_terms(settings, space)
    if table is not None and table.options.batch_price is not None:
        return Decimal(str(table.options.batch_price)) * tokens / 1_000_000
    price = price_of(settings, space, tokens)
    return None if price is None or terms is None else price * terms.share


def open_batch_api(settings: Settings, space: Space) -> "BatchApi":
    """The jobs of the space's account; connects to nothing yet. Raises ConfigurationError where a key is missing."""
    from morpheus_assets.embedding.providers.batch_api import BatchApi

    return BatchApi(open_provider(settings, space).batches())  # type: ignore[attr-defined]


def inputs_per_request(settings: Settings, space: Space) -> int:
    """How many inputs go into one request at most."""
    table = table_of(settings, space)
    return (table and table.options.inputs_per_request) or settings.inputs_per_request


@dataclass(frozen=True)
class RequestSizes:
    """How many inputs a request of a space has at most; `note` keeps a smaller number that the provider showed."""

    most_inputs: int
    note: Callable[[int], None]


def request_sizes(settings: Settings, space: Space, engine: "Engine") -> RequestSizes:
    """The inputs of a request as the settings and the space's table have them, and as refusals showed before."""
    from sqlalchemy.exc import SQLAlchemyError

    from morpheus_assets.store.accounts.endpoint_limits import found_limit, note_limit
    from morpheus_assets.store.database.outages import retry_while_down

    most = inputs_per_request(settings, space)
    if registry.is_local(space):
        return RequestSizes(most, lambda inputs: None)
    account = account_of(settings, space)
    found = retry_while_down(partial(found_limit, engine, account, space.model))

    def note(inputs: int) -> None:
        # It saves a few refused requests: without a database there is more to worry about.
        with contextlib.suppress(SQLAlchemyError):
            note_limit(engine, account, space.model, inputs)

    return RequestSizes(min(most, found or most), note)


def limits_per_minute(settings: Settings, space: Space) -> tuple[int, int]:
    """Requests and tokens a minute that the space's account may use."""
    table = table_of(settings, space)
    return (
        (table and table.options.requests_per_minute) or settings.requests_per_minute,
        (table and table.options.tokens_per_minute) or settings.tokens_per_minute,
    )


def account_of(settings: Settings, space: Space) -> str:
    """The name of the account whose budget a space uses: its provider's, or that of its own endpoint and key."""
    table = table_of(settings, space)
    if table is None:
        return space.provider
    key = table.options.key_variable or table.options.stored_key
    own = (table.options.endpoint and split_query(table.options.endpoint)[0].rstrip("/"), key)
    return " ".join((space.provider, *(part for part in own if part)))


def names_of_keys(settings: Settings) -> list[str]:
    """The names under which a key may be stored: the providers that want one, and what the tables give."""
    tables = space_tables(settings).values()
    return [*providers_with_keys(), *sorted({each.options.stored_key for each in tables if each.options.stored_key})]


def request_budget(settings: Settings, space: Space, engine: "Engine") -> "RequestBudget":
    """The budget of the space's account for batch work, shared by every process over one row in Postgres."""
    from morpheus_assets.embedding.rate_limits import NoBudget

    if registry.is_local(space):
        return NoBudget()
    from morpheus_assets.store.accounts.rate_limits import PEOPLES_SHARE, PostgresBudget

    requests, tokens = limits_per_minute(settings, space)
    return PostgresBudget(engine, account_of(settings, space), requests, tokens, kept_for_others=PEOPLES_SHARE)


def budget_for_people(
    settings: Settings, space: Space, engine: "Engine", input_type: str = "query"
) -> "PostgresBudget | None":
    """The same budget for somebody who waits for the answer; None for a local model, which has no limits.

    Its `take` raises BudgetExhausted rather than wait longer than a question may.
    """
    asked = query_space(settings, space) if input_type == "query" else None
    if registry.is_local(asked or space):
        return None
    from morpheus_assets.store.accounts.rate_limits import LONGEST_WAIT_OF_A_QUESTION, PostgresBudget

    requests, tokens = limits_per_minute(settings, space)
    return PostgresBudget(
        engine, account_of(settings, space), requests, tokens, longest_wait=LONGEST_WAIT_OF_A_QUESTION
    )


def _options(settings: Settings, space: Space, table: SpaceTable | None) -> ProviderOptions:
    spec = registry.provider_of(space)
    usual = ProviderOptions(
        api_key=None,
        base_url=_base_url(settings, spec),
        timeout_seconds=settings.request_timeout_seconds,
        torch_threads=settings.torch_threads,
        cache_folder=settings.data_folder,
        precision=settings.image_precision,
        configured=tuple(_names(settings, spec.purpose)),
    )
    if table is None:
        return replace(usual, api_key=provider_key(settings, spec.name))
    options = table.options
    key, key_name = provider_key(settings, spec.name), None
    if options.key_variable is not None:
        key, key_name = read_variable(options.key_variable), options.key_variable
    elif options.stored_key is not None:
        key = stored_key(settings, options.stored_key)
        key_name = f"the stored key {options.stored_key} (`morpheus keys set {options.stored_key}`)"
    return replace(
        usual,
        api_key=key,
        key_name=key_name,
        base_url=options.endpoint or usual.base_url,
        address_name=f"endpoint in {table.where}" if options.endpoint else None,
        key_header=options.key_header,
        served_as=options.served_as,
        answers_as=options.answers_as,
        max_inputs=options.inputs_per_request,
        max_request_tokens=options.tokens_per_request,
        timeout_seconds=options.timeout_seconds or usual.timeout_seconds,
    )


def _image_space(settings: Settings, name: SpaceName) -> Space:
    options = ProviderOptions(cache_folder=settings.data_folder, precision=settings.image_precision)
    return resolve_image_space(name, options)


def _names(settings: Settings, purpose: str) -> list[SpaceName]:
    """The names of all spaces of a purpose in the settings and the file, also of tables that no list names."""
    tables = space_tables(settings).values()
    described = [table.description.name for table in tables if table.spec.purpose == purpose]
    return [*_short_names(settings, purpose), *described]


def _short_names(settings: Settings, purpose: str) -> list[SpaceName]:
    """What the settings list for a purpose beside the names of tables; raises ConfigurationError."""
    tables, listed = space_tables(settings), listed_names(settings, purpose)
    short = [part for part in listed if part not in tables]
    if listed and not short:
        return []
    variable = f"MORPHEUS_{purpose.upper()}_SPACES"
    unknown = next((part for part in short if registry.find_provider(part.partition("/")[0]) is None), None)
    if unknown is not None and tables:
        near = difflib.get_close_matches(unknown, tables, n=1)
        raise ConfigurationError(
            f"{variable} names {unknown!r}, which is no table of {settings.spaces_file.name} ({', '.join(tables)}) and"
            f" no provider/model[@dimensions]: {f'did you mean {near[0]}?' if near else 'write one of them.'}"
        )
    return parse_space_names(",".join(short), variable=variable, own_endpoints=own_endpoints(settings))


def _base_url(settings: Settings, spec: ProviderSpec) -> str | None:
    return getattr(settings, spec.base_url_setting) if spec.base_url_setting is not None else None
