"""One query to one vector, with the same budget, retries and checks as a stream.

Which space a query belongs to is the caller's: it is embedded by that space's own model or not at all.
"""

from typing import Any

import numpy as np

from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult, InputType
from morpheus_assets.embedding.rate_limits import NoBudget, RequestBudget
from morpheus_assets.embedding.retries import FOR_QUERIES, RetryPolicy, with_retries
from morpheus_assets.embedding.stream import LoopThread


async def embed_query(
    provider: EmbeddingProvider,
    content: Any,
    *,
    budget: RequestBudget | None = None,
    retry: RetryPolicy = FOR_QUERIES,
    input_type: InputType = "query",
) -> np.ndarray:
    """Vector [dimensions], float32, of a text (or an image, as "document"); leaves the provider open.

    Raises embedding.errors.
    """
    limiter = budget or NoBudget()
    tokens = provider.estimate_tokens(content) if isinstance(content, str) else 0

    async def attempt() -> EmbeddingResult:
        await limiter.take(1, tokens)
        return await provider.embed([content], input_type)

    result, _ = await with_retries(attempt, retry, lambda: True)
    await limiter.settle(tokens, result.total_tokens)
    return result.embeddings[0]


def query_vector(
    provider: EmbeddingProvider,
    content: Any,
    *,
    budget: RequestBudget | None = None,
    retry: RetryPolicy = FOR_QUERIES,
    input_type: InputType = "query",
) -> np.ndarray:
    """`embed_query` for code that is not async; closes the provider's connections afterwards."""

    async def work() -> np.ndarray:
        try:
            return await embed_query(provider, content, budget=budget, retry=retry, input_type=input_type)
        finally:
            await provider.close()

    worker = LoopThread()
    try:
        return worker.run(work())
    finally:
        worker.stop()
