"""Local text models of the sentence-transformers format: no key, no network, one worker thread.

What runs them is local_text's.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused
from morpheus_assets.embedding.local_models import explain_out_of_memory
from morpheus_assets.embedding.local_text.folders import LOCAL, find_folder
from morpheus_assets.embedding.local_text.loading import PACKAGED_MODEL, PACKAGED_WEIGHTS_SHA256, load_encoder
from morpheus_assets.embedding.providers.base import (
    EmbeddingModel,
    EmbeddingResult,
    InputType,
    ProviderLimits,
    ProviderOptions,
    ProviderSpec,
)
from morpheus_assets.embedding.providers.text_inputs import refuse_unusable
from morpheus_assets.embedding.providers.voyage import VOYAGE_4

_INPUTS = 256
_BGE_QUERY = "Represent this sentence for searching relevant passages: "


def _model(name: str, dimensions: int, max_input_tokens: int, **further: Any) -> EmbeddingModel:
    return EmbeddingModel(name, dimensions, max_input_tokens, _INPUTS, price=Decimal(0), **further)


PROVIDER = ProviderSpec(
    name="sentence-transformers",
    aliases=("sentence_transformers",),
    purpose="text",
    kind="huggingface",
    # Prefixes stand here where a model was trained with them and its own configuration on the hub does not name them.
    models=(
        _model(PACKAGED_MODEL, 384, 254, revision=PACKAGED_WEIGHTS_SHA256[:16]),
        _model("all-MiniLM-L12-v2", 384, 126),
        _model("all-mpnet-base-v2", 768, 382),
        _model("multi-qa-MiniLM-L6-cos-v1", 384, 510),
        # A hundred languages: huggingface.co/intfloat/multilingual-e5-small, "each input text should start with".
        _model("intfloat/multilingual-e5-small", 384, 510, query_prefix="query: ", document_prefix="passage: "),
        _model("intfloat/multilingual-e5-base", 768, 510, query_prefix="query: ", document_prefix="passage: "),
        _model("BAAI/bge-m3", 1024, 8190),
        _model("BAAI/bge-small-en-v1.5", 384, 510, query_prefix=_BGE_QUERY),
        _model("BAAI/bge-base-en-v1.5", 768, 510, query_prefix=_BGE_QUERY),
        _model("ibm-granite/granite-embedding-small-english-r2", 384, 8190),
        # The prompts of these come with them.
        _model("Qwen/Qwen3-Embedding-0.6B", 1024, 32_000, other_dimensions=(256, 512, 768)),
        _model("google/embeddinggemma-300m", 768, 2046, other_dimensions=(128, 256, 512)),
        _model("voyageai/voyage-4-nano", 2048, 32_000, other_dimensions=(256, 512, 1024), family=VOYAGE_4),
    ),
    other_models="always",
    preparation="prompts, unit norm",
    is_local=True,
    counts_word_pieces=True,
    open=lambda space, options: SentenceTransformersProvider(space, options),
)


class SentenceTransformersProvider:
    """Texts to unit vectors of `space` on this machine; the model is loaded at the first call and kept."""

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        self.space = space
        self.limits = ProviderLimits(_INPUTS, None, space.max_input_tokens)
        self._threads = options.torch_threads or 1
        self._source = space.model
        if space.revision.startswith("sha256:"):
            folders = [name.model.removeprefix(LOCAL) for name in options.configured if name.model.startswith(LOCAL)]
            self._source = f"{LOCAL}{find_folder(space.revision.split()[0], folders)}"
        self._worker: ThreadPoolExecutor | None = None

    def estimate_tokens(self, text: str) -> int:
        """Roughly the tokens; nothing is packed or paid by them, and `embed` counts exactly."""
        return max(1, len(text) // 4)

    async def embed(self, inputs: Sequence[str], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed texts in the worker thread; an input longer than the model takes is refused, never cut."""
        refuse_unusable(inputs)
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sentence-transformers")
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._embed, list(inputs), input_type)

    def _embed(self, texts: list[str], input_type: InputType) -> EmbeddingResult:
        with explain_out_of_memory(self.space.model, "MORPHEUS_TEXT_SPACES"):
            return self._encode(texts, input_type)

    def _encode(self, texts: list[str], input_type: InputType) -> EmbeddingResult:
        from morpheus_assets.embedding.providers.responses import check_vectors

        name = self.space.model
        encoder = load_encoder(self._source, self._threads)
        if encoder.dimensions != self.space.dimensions:
            raise ConfigurationError(
                f"{name} gives vectors of {encoder.dimensions} dimensions: write sentence-transformers/"
                f"{name}@{encoder.dimensions} in MORPHEUS_TEXT_SPACES."
            )
        counts = encoder.count_tokens(texts, input_type)
        limit = encoder.max_tokens
        for index, count in enumerate(counts):
            if limit is not None and count > limit:
                raise InputRefused(
                    f"The input has {count} tokens and {name} takes {limit}: lower MORPHEUS_CHUNK_TOKENS.", index
                )
        vectors = encoder.encode(texts, input_type)
        check_vectors(vectors, name)
        return EmbeddingResult(vectors, name, sum(counts))

    async def close(self) -> None:
        """Let the worker thread end; the loaded model is kept for the next call."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.shutdown(wait=False, cancel_futures=True)
