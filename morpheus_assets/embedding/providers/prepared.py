"""A provider whose texts get a prefix, whose vectors are shortened, or whose questions go to another model.

The same for every provider, so none of them knows of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.preparation import Preparation
from morpheus_assets.embedding.providers.base import EmbeddingProvider, EmbeddingResult, InputType, ProviderLimits

if TYPE_CHECKING:
    from morpheus_assets.embedding.providers.batch_api import BatchDialect


class PreparedProvider:
    """Embeds with `provider`, which gives the model's own dimensions, as `preparation` says.

    `questions` is what embeds queries in its stead (None: the same); its vectors are of the same space.
    """

    def __init__(
        self,
        space: Space,
        provider: EmbeddingProvider,
        preparation: Preparation,
        questions: EmbeddingProvider | None = None,
    ) -> None:
        self.space = space
        self._provider = provider
        self._questions = questions or provider
        self._preparation = preparation
        longest = max(preparation.document_prefix, preparation.query_prefix, key=len)
        self._prefix_tokens = provider.estimate_tokens(longest) if longest else 0

    @property
    def limits(self) -> ProviderLimits:
        """Those of the provider."""
        return self._provider.limits

    def estimate_tokens(self, text: str) -> int:
        """Tokens of the text with the longer of the two prefixes."""
        return self._provider.estimate_tokens(text) + self._prefix_tokens

    async def embed(self, inputs: Sequence[Any], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed texts as they are prepared."""
        chosen = self._questions if input_type == "query" else self._provider
        prefix = self._preparation.prefix(input_type)
        result = await chosen.embed([_prefixed(prefix, each) for each in inputs], input_type, patience=patience)
        return result if self._preparation.shortened_from is None else self._shortened(result)

    def batches(self) -> "BatchDialect":
        """How the provider's batch API embeds documents as they are prepared."""
        spoken: BatchDialect = self._provider.batches()  # type: ignore[attr-defined]
        prefix, cut = self._preparation.prefix("document"), self._preparation.shortened_from is not None
        return replace(
            spoken,
            line=lambda name, text: spoken.line(name, prefix + text),
            read=lambda body: self._shortened(spoken.read(body)) if cut else spoken.read(body),
        )

    def _shortened(self, result: EmbeddingResult) -> EmbeddingResult:
        import numpy as np

        from morpheus_assets.embedding.providers.responses import check_vectors

        # Kusupati et al. 2022, "Matryoshka Representation Learning", arXiv:2205.13147.
        cut = result.embeddings[:, : self.space.dimensions]
        check_vectors(cut, self.space.model)
        return replace(result, embeddings=cut / np.linalg.norm(cut, axis=1, keepdims=True))

    async def close(self) -> None:
        """Close both."""
        await self._provider.close()
        if self._questions is not self._provider:
            await self._questions.close()


def _prefixed(prefix: str, content: Any) -> Any:
    if isinstance(content, tuple):
        return tuple(_prefixed(prefix, text) for text in content)
    # An empty text stays one, so that it is refused and its prefix not embedded.
    return prefix + content if isinstance(content, str) and content.strip() else content
