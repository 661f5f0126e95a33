"""One query to one vector, sent as any other request, with shorter waits.

The caller chooses the space: a query is embedded by that space's own model or not at all.
"""

from typing import Any

import numpy as np

from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.rate_limits import NoBudget, RequestBudget
from morpheus_assets.embedding.requests import send_request
from morpheus_assets.embedding.retries import FOR_QUERIES, RetryPolicy
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
    sent = await send_request(provider, [content], input_type, budget=budget or NoBudget(), policy=retry)
    return sent.result.embeddings[0]


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
