"""One query to one vector, sent as any other request, with shorter waits.

The caller chooses the space: a query is embedded by that space's own model or not at all.
"""

from typing import Any

import numpy as np

from morpheus_assets.embedding.providers.base import EmbeddingProvider, InputType
from morpheus_assets.embedding.rate_limits import NoBudget, RequestBudget
from morpheus_assets.embedding.requests import send_request
from morpheus_assets.embedding.retries import FOR_QUERIES, RetryPolicy


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
