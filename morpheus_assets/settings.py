"""Every setting of the project, read once from the environment (and a `.env` file beside the project).

The only place of a setting: `make docs` writes deploy/settings.md and `.env.example` from it. The faces (`cli`, `api`,
`defs`) and the services read settings; what lies below takes values as arguments.
"""

import difflib
import logging
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
PREFIX = "MORPHEUS_"

# Names of the unknown variables that a parent process has warned of, so that its children stay silent about them.
_WARNED = "MORPHEUS_WARNED_VARIABLES"
# The file that is read in place of `.env`: deployments of tests and benches name an empty one.
DOTENV_VARIABLE = "MORPHEUS_DOTENV"
# What begins with MORPHEUS_ and is no setting: the lines above, and the server that the tests may write to.
NOT_SETTINGS = frozenset({_WARNED, DOTENV_VARIABLE, "MORPHEUS_TEST_DATABASE_URL", "MORPHEUS_TEST_CLIENTS_PYTHON"})
# Kubernetes gives each process the addresses of services, also of one named `morpheus-…`: variables with these endings,
# and one that ends with _PORT alone.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$")

_BLANKS = " \t\r\n\v\f\u00a0,;:'\""
_log = logging.getLogger(__name__)

Count = Annotated[int, Field(ge=1)]


def section(title: str) -> JsonDict:
    """Mark the first setting of a section of the documents; those after it belong to it until the next mark."""
    return {"section": title}


class Settings(BaseSettings):
    """Values of the `MORPHEUS_*` variables and of the providers' own key variables.

    Raises `pydantic.ValidationError`, which names each variable that is out of range.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=PROJECT_FOLDER / ".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    content: Path | str = Field(
        PROJECT_FOLDER / "content",
        description="Folder with `novels/` and `panels/`, or an object store: `s3://…`, `gs://…`, `az://…`.",
        json_schema_extra=section("Content and storage"),
    )
    data_folder: Path = Field(
        PROJECT_FOLDER / ".morpheus", description="Folder of the embedded Postgres, logs and other local state."
    )
    database_url: SecretStr | None = Field(
        None,
        description="Postgres 15+ with pgvector; unset: the embedded server.",
    )
    direct_database_url: SecretStr | None = Field(
        None,
        description="The same database around a transaction pooler, for building indexes.",
    )
    dagster_database_url: SecretStr | None = Field(
        None, description="Database of Dagster's own; unset: that of the content with `_dagster` after its name."
    )
    max_connections: Annotated[int, Field(ge=8)] = Field(
        20, description="Connections to Postgres of the whole product on one machine, at most."
    )
    samples: bool = Field(True, description="Put a sample story and its panels into a new content folder.")

    text_spaces: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="Text spaces, `provider/model[@dimensions][#revision]`, comma-separated; the first becomes active.",
        json_schema_extra=section("Models"),
    )
    spaces_file: Path = Field(
        PROJECT_FOLDER / "spaces.toml",
        description="Tables of spaces with an endpoint, key, limits, price or prefixes of their own.",
    )
    image_spaces: str = Field(
        "open_clip/ViT-B-32@laion2b_s34b_b79k",
        description="Image spaces: `open_clip/MODEL@TAG`, `…/local:FOLDER`, `…/demo`, `remote_clip/MODEL`.",
    )
    image_precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Precision of local image models: `fp32`, or `bf16` (about twice as fast, a space of its own).",
    )
    rerank: str | None = Field(
        None,
        description="Reads the best passages again: `voyage/rerank-2.5-lite`, `cohere/rerank-v3.5`,"
        " `sentence-transformers/NAME`.",
    )
    chunk_tokens: Count = Field(254, description="Maximum chunk size in word pieces; a change re-embeds everything.")
    chunk_overlap_tokens: int = Field(0, ge=0, description="Word pieces that neighbouring chunks share.")
    chunk_by_script: Literal["new", "all", "off"] = Field(
        "new",
        description="Cuts texts in Chinese, Cyrillic and other scripts by the tokens of models of many languages, where"
        " all text spaces have one: `new` novels, `all` (re-embeds; the plan says how many), or `off`.",
    )

    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_API_KEY"),
        description="API key for `openai/…` spaces.",
        json_schema_extra=section("Providers"),
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_BASE_URL"),
        description="Base URL of another OpenAI-compatible server.",
    )
    voyage_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("VOYAGE_API_KEY"), description="API key for `voyage/…` spaces."
    )
    voyage_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("VOYAGE_BASE_URL"),
        description="Base URL of another Voyage-compatible server.",
    )
    cohere_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("COHERE_API_KEY"), description="API key for `cohere/…` spaces."
    )
    gemini_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("GEMINI_API_KEY"), description="API key for `gemini/…` spaces."
    )
    jina_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("JINA_API_KEY"), description="API key for `jina/…` spaces."
    )
    mistral_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("MISTRAL_API_KEY"), description="API key for `mistral/…` spaces."
    )
    remote_clip_url: str | None = Field(None, description="Endpoint for `remote_clip/…` spaces (RunPod serverless).")
    remote_clip_api_key: SecretStr | None = Field(None, description="Bearer token for that endpoint.")
    master_key: SecretStr | None = Field(
        None, description="Encrypts provider keys in Postgres; `morpheus keys new-master` prints a new one."
    )
    previous_master_key: SecretStr | None = Field(
        None, description="Former master key, until `morpheus keys rotate` has run."
    )

    requests_in_flight: Count = Field(
        8, description="Concurrent requests to a provider, per run.", json_schema_extra=section("Limits")
    )
    inputs_per_request: Count = Field(
        256, description="Inputs per request; a crash may repeat 2 × this × the requests in flight."
    )
    requests_per_minute: Count = Field(3000, description="Requests per minute to one provider, over all processes.")
    tokens_per_minute: Count = Field(1_000_000, description="Tokens per minute to one provider, over all processes.")
    request_timeout_seconds: float = Field(60.0, gt=0, description="Deadline of one request to a provider.")
    retry_attempts: Count = Field(3, description="Attempts per request before it counts as failed.")
    torch_threads: Count = Field(2, description="CPU threads of a local model.")
    max_image_pixels: Count = Field(
        64_000_000, description="Panels with more pixels are refused before they are decoded."
    )

    ui_port: int = Field(
        3000,
        ge=1,
        le=65535,
        description="Port of the Dagster UI, on loopback.",
        json_schema_extra=section("Dagster"),
    )
    max_runs_per_tick: Count = Field(50, description="Maximum runs per sensor tick.")
    executor: Literal["in_process", "multiprocess", "celery", "k8s"] = Field(
        "in_process", description="Where steps are executed: `in_process`, `multiprocess`, `celery`, `k8s`."
    )
    celery_broker: SecretStr | None = Field(
        None, description="Redis that queues steps for `morpheus worker`; for `celery` only."
    )
    novels_per_run: Count | None = Field(
        None, description="Novels per run of a backfill; unset: 50, or 5 with `celery` and `k8s`."
    )

    reembed_cron: str = Field(
        "0 2 * * *",
        description="When to embed what a configured space lacks (cron).",
        json_schema_extra=section("Changes of model"),
    )
    reembed_max_tokens: Count | None = Field(
        None,
        description="Token budget of one night's re-embedding; unset: no token limit (needed where no price is known).",
    )
    reembed_max_cost: float = Field(10.0, ge=0, description="Budget of one night's re-embedding, in dollars.")
    reembed_batch: bool = Field(
        False,
        description="Re-embed through the provider's batch API where it has one: cheaper, and done within a day.",
    )
    ingest_batch_from: int | None = Field(
        None,
        ge=1,
        description="An ingest, too, leaves new passages to the batch API of a space that is re-embedded through it,"
        " from so many of a run on; unset: it never does.",
    )
    upkeep_cron: str = Field("30 4 * * *", description="When to drop expired spaces and unused vectors (cron).")
    retention_days: int = Field(14, ge=0, description="Days to keep a retired space before it is dropped.")
    archive_folder: Path | None = Field(
        None, description="Folder to export a space to (Parquet) before it is dropped; unset: no export."
    )

    dagster_url: str = Field(
        "http://127.0.0.1:3000",
        description="Dagster webserver that the HTTP API and `morpheus` call.",
        json_schema_extra=section("HTTP API"),
    )
    generate_slots: Count = Field(5, description="Concurrent runs of the job `generate_embedding`.")

    api_host: str = Field("127.0.0.1", description="Address to bind to; any other than loopback needs API keys.")
    api_port: int = Field(8000, ge=1, le=65535, description="Port of the HTTP API and the search page.")
    api_keys: SecretStr | None = Field(None, description="Keys of the HTTP API, `KEY` or `NAME:KEY`, comma-separated.")
    api_read_keys: SecretStr | None = Field(
        None, description="Keys that may search, read and embed, but store, launch and delete nothing."
    )
    api_requests_per_minute: Count = Field(600, description="Requests per minute for each API key.")
    api_max_body_bytes: Count = Field(16 * 1024 * 1024, description="Larger request bodies are refused unread.")
    api_timeout_seconds: float = Field(60.0, gt=0, description="Deadline of one request to the HTTP API.")
    api_max_in_flight: Count = Field(
        100, description="Concurrent requests; more are answered with 503 and Retry-After."
    )
    api_cors_origins: str = Field("", description="Web origins that may call the HTTP API, comma-separated.")
    redis_url: SecretStr | None = Field(
        None,
        description="Redis that caches query vectors and search results.",
        json_schema_extra=section("Cache"),
    )
    cache_ttl_seconds: Count = Field(3600, description="Lifetime of a cache entry.")
    cache_max_bytes: Count = Field(256 * 1024 * 1024, description="Maximum size of the Redis cache.")

    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Collector (OTLP over HTTP) for traces of requests and runs; needs `morpheus-assets[traces]`.",
        json_schema_extra=section("Traces"),
    )

    @field_validator("*")
    @classmethod
    def _a_secret_holds_something(cls, value: object) -> object:
        # taken for absent, a key that a broken template left blank would open a server or call a stranger's account
        if isinstance(value, SecretStr) and not value.get_secret_value().strip(_BLANKS):
            raise ValueError("it holds nothing but blanks, commas or quotes; give it a value, or leave it unset")
        return value

    @field_validator("content", "data_folder", "archive_folder", "spaces_file")
    @classmethod
    def _from_the_project(cls, path: Path | str | None) -> Path | str | None:
        # every process of a deployment must mean the same folder, wherever it was started
        return PROJECT_FOLDER / path.expanduser() if isinstance(path, Path) else path

    @field_validator("content", mode="before")
    @classmethod
    def _a_folder_or_an_address(cls, written: Path | str) -> Path | str:
        if isinstance(written, Path) or "://" not in written:
            return Path(written)
        scheme, _, rest = written.partition("://")
        if scheme not in ("s3", "gs", "az"):
            raise ValueError("an address begins with s3://, gs:// or az://; anything else is a path")
        if "@" in rest.partition("/")[0]:
            raise ValueError("it holds credentials; leave them to the variables of the store, such as AWS_PROFILE")
        if not rest.strip("/") or "?" in rest or "#" in rest or "//" in rest:
            raise ValueError(f"write {scheme}://BUCKET or {scheme}://BUCKET/PREFIX")
        return f"{scheme}://{rest.strip('/')}"

    @field_validator("reembed_cron", "upkeep_cron")
    @classmethod
    def _a_cron_line(cls, line: str) -> str:
        if not re.fullmatch(r"\S*[\d*]\S*(\s+[\w*,/-]+){4}", line.strip()):
            raise ValueError(f"{line!r} is no cron line; write five fields such as `0 2 * * *` (at two every night)")
        return line

    @model_validator(mode="after")
    def _a_direct_address_beside_another(self) -> "Settings":
        if self.direct_database_url is not None and self.database_url is None:
            raise ValueError("MORPHEUS_DIRECT_DATABASE_URL is set without MORPHEUS_DATABASE_URL")
        return self

    @property
    def batch_of_novels(self) -> int:
        """How many novels share a run: many where a run's start is what costs, few where runs spread over machines."""
        return self.novels_per_run or (5 if self.executor in ("celery", "k8s") else 50)

    @property
    def novels_folder(self) -> Path:
        """Where novels are dropped, when the content is a local folder (else see content_location.py)."""
        return Path(self.content) / "novels"

    @property
    def panels_folder(self) -> Path:
        """Where panels are dropped, one folder a novel, when the content is a local folder."""
        return Path(self.content) / "panels"


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Read the environment once for this process, and warn once of each variable that no setting has."""
    _warn_of_unknown_variables()
    return Settings(_env_file=_dotenv())


def read_variable(name: str) -> str | None:
    """A variable that only a space's table names, from the environment, else from `.env`; None where it is unset."""
    from dotenv import dotenv_values

    value = os.environ.get(name)
    if not value and _dotenv().is_file():
        value = dotenv_values(_dotenv()).get(name)
    return value.strip() or None if value else None


def variable_of(field: str) -> str:
    """The environment variable that the documents name for a field of `Settings`."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{field.upper()}"


def unknown_variables(environment: Iterable[str], in_dotenv: Iterable[str] = ()) -> dict[str, str]:
    """Find the `MORPHEUS_…` names that no setting has; returns a sentence for each, with the nearest name."""
    # a provider's own variable is also read with the prefix before it
    known = {f"{PREFIX}{field}".upper(): variable_of(field) for field in Settings.model_fields}
    dotenv = set(in_dotenv)
    names = sorted({*environment, *dotenv})
    links = [name.upper() for name in names if _SERVICE_LINK.search(name.upper())]
    found = {}
    for name in names:
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or upper in NOT_SETTINGS:
            continue
        if any(link == upper or (upper.endswith("_PORT") and link.startswith(f"{upper}_")) for link in links):
            continue
        near = difflib.get_close_matches(upper.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known], n=1)
        advice = f"did you mean {known[PREFIX + near[0]]}?" if near else ".env.example lists them all."
        found[name] = f"{name}{' in .env' if name in dotenv else ''} is no setting: {advice}"
    return found


def _warn_of_unknown_variables() -> None:
    # an empty value is none, here as in Settings
    environment = [name for name, value in os.environ.items() if value]
    told = set(os.environ.get(_WARNED, "").split())
    unknown = unknown_variables(environment, _names_in(_dotenv()))
    fresh = {name: sentence for name, sentence in unknown.items() if name not in told}
    for sentence in fresh.values():
        _log.warning(sentence)
    if fresh:
        os.environ[_WARNED] = " ".join(sorted({*told, *fresh}))


def _dotenv() -> Path:
    return Path(os.environ.get(DOTENV_VARIABLE) or PROJECT_FOLDER / ".env")


def _names_in(dotenv: Path) -> list[str]:
    # the parser alone: `dotenv_values` reports each line that it cannot read, and Settings has it do so already
    from dotenv.parser import parse_stream

    if not dotenv.is_file():
        return []
    with dotenv.open(encoding="utf-8", errors="replace") as lines:
        return [line.key for line in parse_stream(lines) if line.key and line.value]
