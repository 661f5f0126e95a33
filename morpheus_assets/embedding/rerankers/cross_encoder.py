"""Rerankers of this machine: a cross-encoder from the hub's cache or a folder, through sentence-transformers."""

import asyncio
import functools
import threading
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from morpheus_assets.embedding.errors import ConfigurationError, ProviderUnavailable
from morpheus_assets.embedding.local_text.folders import LOCAL
from morpheus_assets.embedding.rerankers.base import Reranked, RerankerOptions, RerankerSpec

_LOADING = threading.Lock()


class CrossEncoderReranker:
    """Any model that sentence-transformers loads as a CrossEncoder; loaded at the first question and kept."""

    def __init__(self, model: str, options: RerankerOptions) -> None:
        self.name = model
        self._threads = options.threads

    async def scores(self, question: str, texts: Sequence[str], within: float) -> Reranked:
        """Scores of all texts; one that is too long for the model is cut by it."""
        work = asyncio.to_thread(self._predict, question, list(texts))
        try:
            async with asyncio.timeout(within):
                return Reranked(await work, 0, Decimal(0))
        except TimeoutError:
            # The thread goes on and the model stays loaded, so the next question finds it.
            raise ProviderUnavailable(f"{self.name} did not rerank within {within:.1f} seconds.") from None

    def _predict(self, question: str, texts: list[str]) -> list[float]:
        with _LOADING:
            model = _load(self.name, self._threads)
        scores = model.predict([(question, text) for text in texts], show_progress_bar=False)
        return [float(score) for score in scores]


SENTENCE_TRANSFORMERS = RerankerSpec("sentence-transformers", CrossEncoderReranker)


@functools.lru_cache(maxsize=1)
def _load(name: str, threads: int) -> Any:
    import torch
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(threads)
    place = name.removeprefix(LOCAL)
    try:
        return CrossEncoder(place, local_files_only=name.startswith(LOCAL), device="cpu")
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ConfigurationError(
            f"The reranker {name} cannot be loaded ({reason}): check MORPHEUS_RERANK, or connect to the hub once."
        ) from None
