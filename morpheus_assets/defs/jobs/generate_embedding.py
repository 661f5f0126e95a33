"""The job `generate_embedding`: a list of texts to vectors in the background, the result kept under the run's id.

Validated before anything is sent; errors that another attempt cannot mend end the run at once.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from morpheus_assets.defs.resources import DatabaseResource, ProvidersResource
from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import BillingError, ConfigurationError, EmbeddingError, ValidationError
from morpheus_assets.embedding.spaces import resolve_text_space
from morpheus_assets.services.configured_spaces import configured_text_spaces, own_endpoints, price_of

if TYPE_CHECKING:
    import numpy as np
    from sqlalchemy import Engine

    from morpheus_assets.embedding.providers.base import EmbeddingProvider

POOL = "generate_embedding"
MOST_INPUTS = 1000
KEPT_DAYS = 30
PRIORITY = {"dagster/priority": "2", "morpheus/kind": "generate"}

# What arrived in an earlier attempt of a run of this process, so that it is not paid for again.
_ARRIVED: "dict[str, dict[bytes, np.ndarray]]" = {}


class EmbedInputsConfig(dg.Config):
    """What to embed, and as what."""

    inputs: Any = Field(
        default=None, description=f"A text, or a list of 1 to {MOST_INPUTS}, each within the model's limit."
    )
    inputs_reference: str = Field(
        default="", description="Names texts that the HTTP API keeps in Postgres for two days, in place of `inputs`."
    )
    model: str = Field(default="", description="`provider/model[@dimensions]`; empty: the first text space.")
    input_type: Literal["document", "query"] = Field(default="document", description="What the vectors are for.")
    inputType: str = Field(default="", description="The same as `input_type`; empty: what that says.")  # noqa: N815

    @property
    def texts(self) -> list[str]:
        """The inputs as a list. Raises ValidationError for anything but texts."""
        texts = [self.inputs] if isinstance(self.inputs, str) else self.inputs
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValidationError("`inputs` is neither a text nor a list of texts.")
        return texts

    def with_texts(self, engine: "Engine") -> "EmbedInputsConfig":
        """The same with the texts that it only refers to. Raises ValidationError when they are gone."""
        from morpheus_assets.store.accounts.jobs import read_inputs

        if not self.inputs_reference:
            return self
        texts = read_inputs(engine, self.inputs_reference)
        if texts is None:
            raise ValidationError("The texts of this run were deleted, as after two days: send them again.")
        return self.model_copy(update={"inputs": texts})

    @property
    def purpose(self) -> Literal["document", "query"]:
        """What the vectors are for. Raises ValidationError when two things are said."""
        if not self.inputType:
            return self.input_type
        if self.inputType not in ("document", "query") or (self.inputType, self.input_type) == ("document", "query"):
            raise ValidationError(
                f"`inputType` is {self.inputType!r} and `input_type` {self.input_type!r}: give one, document or query."
            )
        return "query" if self.inputType == "query" else "document"


@dg.op(
    pool=POOL,
    retry_policy=dg.RetryPolicy(max_retries=2, delay=1.0, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS),
    tags={"kind": "embedding"},
)
def embed_inputs(
    context: dg.OpExecutionContext,
    config: EmbedInputsConfig,
    database: dg.ResourceParam[DatabaseResource],
    providers: dg.ResourceParam[ProvidersResource],
) -> None:
    """Embed the inputs and keep the vectors under the run's id: `morpheus result RUN_ID`, `/api/jobs/RUN_ID/result`."""
    import numpy as np

    from morpheus_assets.store.accounts.jobs import delete_inputs, delete_results, save_result

    arrived = _ARRIVED.setdefault(context.run_id, {})
    try:
        config = config.with_texts(database.engine)
        space = _space(config, providers)
        provider = providers.open(space)
        _validate(config, provider)
        tokens, requests = _embed(context, config, space, provider, database, providers, arrived)
    except (ConfigurationError, BillingError, ValidationError) as error:
        _ARRIVED.pop(context.run_id, None)
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except EmbeddingError as error:
        if context.retry_number >= 2:
            _ARRIVED.pop(context.run_id, None)
        raise dg.Failure(description=str(error)) from error
    embeddings = np.stack([arrived[_hash(text)] for text in config.texts])
    save_result(
        database.engine, context.run_id, space_key=space.key, model=space.model, input_type=config.purpose,
        total_tokens=tokens, embeddings=embeddings,
    )  # fmt: skip
    delete_results(database.engine, older_than_days=KEPT_DAYS)
    delete_inputs(database.engine, config.inputs_reference)
    _ARRIVED.pop(context.run_id, None)
    price = price_of(providers.settings, space, tokens, config.purpose)
    context.add_output_metadata(
        {
            "model": space.model, "space": space.key, "inputs": len(config.texts),
            "dimensions": int(embeddings.shape[1]), "total_tokens": tokens, "requests": requests,
            "price_dollars": float(price) if price is not None else "unknown",
            "first_vector_begins": [round(float(value), 6) for value in embeddings[0][:8]],
            "result": f"morpheus result {context.run_id}",
        }
    )  # fmt: skip


@dg.job(
    tags=PRIORITY,
    # whatever MORPHEUS_EXECUTOR says: an attempt finds what the one before it was given, in this process
    executor_def=dg.in_process_executor,
    description="Embeds 1 to 1000 texts in the background; the result is kept in Postgres under the run's id.",
)
def generate_embedding() -> None:
    """One step, in a pool of its own (MORPHEUS_GENERATE_SLOTS)."""
    embed_inputs()


def _space(config: EmbedInputsConfig, providers: ProvidersResource) -> Space:
    settings = providers.settings
    configured = configured_text_spaces(settings)
    if not config.model:
        return configured[0]
    named = [space for space in configured if config.model in (space.key, space.model)]
    return named[0] if named else resolve_text_space(config.model, own_endpoints=own_endpoints(settings))


def _validate(config: EmbedInputsConfig, provider: "EmbeddingProvider") -> None:
    """Raise ValidationError for what the model would refuse, before anything is sent."""
    from morpheus_assets.embedding.long_inputs import surely_too_long

    if not config.texts:
        raise ValidationError("`inputs` is empty: give at least one text.")
    if len(config.texts) > MOST_INPUTS:
        raise ValidationError(f"`inputs` holds {len(config.texts)} texts: give {MOST_INPUTS} at most.")
    for index, text in enumerate(config.texts):
        if not text.strip():
            raise ValidationError(f"inputs[{index}] is empty, so there is nothing to embed.")
        if surely_too_long(provider, text):
            raise ValidationError(
                f"inputs[{index}] has about {provider.estimate_tokens(text)} tokens and {provider.space.model} takes"
                f" {provider.limits.max_input_tokens}: shorten it, or send it to POST /api/embeddings/text, which"
                " embeds long texts by parts."
            )


def _embed(
    context: dg.OpExecutionContext,
    config: EmbedInputsConfig,
    space: Space,
    provider: "EmbeddingProvider",
    database: DatabaseResource,
    providers: ProvidersResource,
    arrived: "dict[bytes, np.ndarray]",
) -> tuple[int, int]:
    """Embed what has not arrived yet into `arrived`; the tokens and requests of this attempt."""
    from morpheus_assets.embedding.packs import EmbeddingInput, RefusedInput, UnansweredRequest
    from morpheus_assets.embedding.retries import RetryPolicy
    from morpheus_assets.embedding.stream import embed_batches
    from morpheus_assets.store.accounts.spending import record_spending, record_uncertain_spending

    missing = [EmbeddingInput(_hash(text), text) for text in dict.fromkeys(config.texts) if _hash(text) not in arrived]
    tokens = requests = 0
    try:
        # one attempt each: trying again is the step's business, which shows it in the UI
        for outcome in embed_batches(
            provider, missing, budget=providers.budget(space, database.engine),
            retry=RetryPolicy(attempts=1, divides=False),
            concurrency=providers.settings.requests_in_flight, input_type=config.purpose,
        ):  # fmt: skip
            if isinstance(outcome, UnansweredRequest):
                record_uncertain_spending(
                    database.engine, space, None, tokens=outcome.tokens, inputs=outcome.inputs,
                    requests=outcome.requests, run_id=context.run_id,
                    cost=price_of(providers.settings, space, outcome.tokens),
                )  # fmt: skip
                continue
            requests += outcome.requests
            if isinstance(outcome, RefusedInput):
                index = [_hash(text) for text in config.texts].index(outcome.content_hash)
                raise ValidationError(f"inputs[{index}] is refused by {space.provider}: {outcome.reason}")
            tokens += outcome.tokens
            arrived.update(zip(outcome.hashes, outcome.embeddings, strict=True))
    finally:
        if tokens:
            record_spending(
                database.engine, space, None, tokens=tokens, inputs=len(arrived), requests=requests,
                cost=price_of(providers.settings, space, tokens, config.purpose), run_id=context.run_id,
            )  # fmt: skip
    return tokens, requests


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
