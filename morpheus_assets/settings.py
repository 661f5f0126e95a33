"""Every setting of the project, read once from the environment (and a `.env` file beside the project).

Only the outer floors (the Dagster face and `serve`) read settings; what lies below takes values as arguments.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_FOLDER = Path(__file__).resolve().parent.parent

Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Values of the `MORPHEUS_*` variables and of the providers' own key variables.

    Raises `pydantic.ValidationError`, which names each variable that is out of range.
    """

    model_config = SettingsConfigDict(
        env_prefix="MORPHEUS_",
        env_file=PROJECT_FOLDER / ".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    content: Path | str = Field(
        PROJECT_FOLDER / "content",
        description="Folder with `novels/` and `panels/`, or its address: `s3://…`, `gs://…`, `az://…`.",
    )
    data_folder: Path = Field(
        PROJECT_FOLDER / ".morpheus", description="Where the embedded Postgres and local state live."
    )
    database_url: SecretStr | None = Field(
        None,
        description="A Postgres 15+ with pgvector; unset: the embedded server in `MORPHEUS_DATA_FOLDER`.",
    )
    samples: bool = Field(
        True, description="Put the sample story and panels into an empty content folder at first start."
    )

    text_spaces: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="Comma list of `provider/model[@dimensions]`; the first one becomes active.",
    )
    image_spaces: str = Field(
        "open_clip/ViT-B-32@laion2b_s34b_b79k",
        description="Comma list of `open_clip/MODEL@TAG`, `…/local:FOLDER`, `…/demo`, `remote_clip/MODEL`.",
    )
    image_precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="What local image models compute in; each is a space of its own, bf16 about twice as fast."
    )
    chunk_tokens: Count = Field(254, description="Largest chunk, in word pieces; a change re-embeds everything.")
    chunk_overlap_tokens: int = Field(0, ge=0, description="Word pieces shared by neighbouring chunks.")

    openai_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("OPENAI_API_KEY"), description="Key for `openai/…` spaces."
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("OPENAI_BASE_URL"),
        description="Another OpenAI-compatible endpoint.",
    )
    voyage_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("VOYAGE_API_KEY"), description="Key for `voyage/…` spaces."
    )
    voyage_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("VOYAGE_BASE_URL"),
        description="Another Voyage-compatible endpoint.",
    )
    remote_clip_url: str | None = Field(None, description="Endpoint of `remote_clip/…` spaces (RunPod serverless).")
    remote_clip_api_key: SecretStr | None = Field(None, description="Bearer key of that endpoint.")

    requests_in_flight: Count = Field(5, description="Requests to a provider at a time, in one run.")
    inputs_per_request: Count = Field(
        256, description="Inputs in one request; a crash may cost up to twice this times the requests in flight."
    )
    requests_per_minute: Count = Field(3000, description="Requests a minute to one provider, over all processes.")
    tokens_per_minute: Count = Field(1_000_000, description="Tokens a minute to one provider, over all processes.")
    request_timeout_seconds: float = Field(60.0, gt=0, description="Overall deadline of one request to a provider.")
    retry_attempts: Count = Field(3, description="Attempts for one request before it counts as failed.")
    torch_threads: Count = Field(2, description="Threads that a local model may use.")
    max_image_pixels: Count = Field(
        64_000_000, description="Panels with more pixels are refused before they are decoded."
    )

    ui_port: int = Field(3000, ge=1, le=65535, description="Port of the Dagster UI, on loopback.")
    max_runs_per_tick: Count = Field(50, description="Runs that one sensor tick may launch.")
    executor: Literal["in_process", "multiprocess", "celery", "k8s"] = Field(
        "in_process", description="Where a run's steps are executed: `in_process`, `multiprocess`, `celery`, `k8s`."
    )
    celery_broker: SecretStr | None = Field(
        None, description="The Redis that hands steps to `morpheus worker`; only for `MORPHEUS_EXECUTOR=celery`."
    )
    novels_per_run: Count | None = Field(
        None, description="Novels in one run of a backfill; unset: 50, or 5 where steps go to other machines."
    )

    reembed_cron: str = Field("0 2 * * *", description="When what lacks a configured space is embedded (cron).")
    reembed_max_tokens: Count | None = Field(None, description="Tokens that re-embedding may ask for in a night.")
    reembed_max_cost: float = Field(10.0, ge=0, description="Dollars that re-embedding may spend in a night.")
    upkeep_cron: str = Field(
        "30 4 * * *", description="When retired spaces and vectors that nothing needs are collected (cron)."
    )
    retention_days: int = Field(14, ge=0, description="Days that a retired space is kept before it is dropped.")
    archive_folder: Path | None = Field(
        None, description="Where a space is exported to Parquet before it is dropped; unset: it is not."
    )

    dagster_url: str = Field("http://127.0.0.1:3000", description="Where the HTTP API finds the Dagster webserver.")
    generate_slots: Count = Field(5, description="Runs of `generate_embedding` that may embed at a time.")

    api_host: str = Field("127.0.0.1", description="Address the HTTP API binds to; another one needs API keys.")
    api_port: int = Field(8000, ge=1, le=65535, description="Port of the HTTP API and the search page.")
    api_keys: SecretStr | None = Field(
        None, description="Comma list of keys that may use the HTTP API, each as `KEY` or `NAME:KEY`."
    )
    api_requests_per_minute: Count = Field(600, description="Requests a minute for each API key.")
    api_max_body_bytes: Count = Field(16 * 1024 * 1024, description="Larger request bodies are refused unread.")
    api_timeout_seconds: float = Field(60.0, gt=0, description="Deadline of one request to the HTTP API.")
    api_max_in_flight: Count = Field(100, description="Requests at a time; more are asked to come again at once.")
    api_cors_origins: str = Field("", description="Comma list of web origins that may call the HTTP API.")
    redis_url: SecretStr | None = Field(None, description="A Redis that caches query vectors and search answers.")
    cache_ttl_seconds: Count = Field(3600, description="How long the Redis cache keeps an entry.")
    cache_max_bytes: Count = Field(256 * 1024 * 1024, description="Bytes that the Redis cache may hold.")
    master_key: SecretStr | None = Field(
        None, description="Encrypts provider keys in Postgres; `morpheus keys new-master` makes one."
    )
    previous_master_key: SecretStr | None = Field(
        None, description="The master key before this one, until `morpheus keys rotate` has run."
    )

    @field_validator("content", "data_folder", "archive_folder")
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
    """Read the environment once for this process."""
    return Settings()
