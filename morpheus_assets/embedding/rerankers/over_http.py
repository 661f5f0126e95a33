"""Voyage's and Cohere's rerankers: docs.voyageai.com/reference/reranker-api, docs.cohere.com/reference/rerank."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from morpheus_assets.embedding.errors import InvalidAnswer, ProviderUnavailable
from morpheus_assets.embedding.providers.certificates import certificates
from morpheus_assets.embedding.providers.http_errors import Endpoint
from morpheus_assets.embedding.providers.json_over_http import read_json
from morpheus_assets.embedding.rerankers.base import Reranked, RerankerOptions, RerankerSpec

# Dollars for a million tokens, as openrouter.ai and usagepricing.com (which names docs.voyageai.com/docs/pricing) had
# them in November 2026; Voyage's own page is to be checked.
_VOYAGE_PRICES = {"rerank-2.5": Decimal("0.05"), "rerank-2.5-lite": Decimal("0.02")}
# Dollars for a search with up to 100 passages, to be checked: cohere.com/pricing named none per search in October 2026,
# as developersdigest.tech read it. Of others no price is known.
_COHERE_PRICES = {"rerank-v3.5": Decimal("0.002")}


class HttpReranker:
    """One POST of a question and its passages; the answer names each passage by its index."""

    def __init__(self, vendor: str, model: str, url: str, key: str | None, key_name: str, list_name: str) -> None:
        self.name = model
        self._list_name = list_name
        self._endpoint = Endpoint(vendor, model, url, key_name, "MORPHEUS_RERANK", 4.0, secret=key or "")
        if not key:
            raise self._endpoint.missing_key()
        self._key = key

    def cost(self, answer: Mapping[str, Any]) -> tuple[int, Decimal | None]:
        """Tokens and dollars that an answer says it cost."""
        raise NotImplementedError

    async def scores(self, question: str, texts: Sequence[str], within: float) -> Reranked:
        """Scores of all texts; raises embedding.errors."""
        import httpx

        endpoint = self._endpoint
        payload = {"model": self.name, "query": question, "documents": list(texts)}
        try:
            async with (
                asyncio.timeout(within),
                httpx.AsyncClient(auth=_no_auth, verify=certificates("httpx")) as client,
            ):
                response = await client.post(
                    f"{endpoint.base_url}/rerank", json=payload, headers={"Authorization": f"Bearer {self._key}"}
                )
        except (TimeoutError, httpx.TimeoutException):
            raise ProviderUnavailable(f"{endpoint.vendor} did not rerank within {within:.1f} seconds.") from None
        except httpx.HTTPError as error:
            raise endpoint.unreachable(str(error) or type(error).__name__) from None
        if not response.is_success:
            raise endpoint.error_for(response.status_code, response.headers, response.content)
        answer = read_json(response.content, endpoint.vendor)
        tokens, cost = self.cost(answer)
        return Reranked(_in_order(answer.get(self._list_name), len(texts), endpoint.vendor), tokens, cost)


class VoyageReranker(HttpReranker):
    """rerank-2.5 and rerank-2.5-lite."""

    def __init__(self, model: str, options: RerankerOptions) -> None:
        url = options.base_url or "https://api.voyageai.com/v1"
        super().__init__("Voyage", model, url, options.api_key, "VOYAGE_API_KEY", "data")

    def cost(self, answer: Mapping[str, Any]) -> tuple[int, Decimal | None]:
        """By tokens: those of the question once for each passage, and the passages'."""
        usage = answer.get("usage")
        tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
        price = _VOYAGE_PRICES.get(self.name)
        if type(tokens) is not int:
            return 0, None
        return tokens, None if price is None else price * tokens / 1_000_000


class CohereReranker(HttpReranker):
    """rerank-v3.5 and later ones."""

    def __init__(self, model: str, options: RerankerOptions) -> None:
        url = options.base_url or "https://api.cohere.com/v2"
        super().__init__("Cohere", model, url, options.api_key, "COHERE_API_KEY", "results")

    def cost(self, answer: Mapping[str, Any]) -> tuple[int, Decimal | None]:
        """By searches."""
        meta = answer.get("meta")
        billed = meta.get("billed_units") if isinstance(meta, dict) else None
        units = billed.get("search_units") if isinstance(billed, dict) else None
        price = _COHERE_PRICES.get(self.name)
        return 0, None if price is None or type(units) is not int else price * units


VOYAGE = RerankerSpec("voyage", VoyageReranker, tuple(_VOYAGE_PRICES), "voyage_api_key", "voyage_base_url")
COHERE = RerankerSpec(
    "cohere", CohereReranker, ("rerank-v3.5", "rerank-v4.0-pro", "rerank-v4.0-fast"), "cohere_api_key"
)


def _in_order(entries: object, count: int, vendor: str) -> list[float]:
    scores: dict[int, float] = {}
    for entry in entries if isinstance(entries, list) else []:
        index, score = (entry.get(name) if isinstance(entry, dict) else None for name in ("index", "relevance_score"))
        if type(index) is int and 0 <= index < count and isinstance(score, int | float) and score == score:
            scores[index] = float(score)
    if len(scores) != count:
        raise InvalidAnswer(f"{vendor}'s answer cannot be trusted: it scores {len(scores)} of {count} passages.")
    return [scores[index] for index in range(count)]


def _no_auth(request: Any) -> Any:
    # A netrc for every host must not take the place of the key.
    return request
