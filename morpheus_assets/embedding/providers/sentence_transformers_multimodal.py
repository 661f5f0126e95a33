"""Multimodal models of the sentence-transformers format in a folder of this machine: panels, and questions in words.

`sentence-transformers/local:FOLDER` in MORPHEUS_IMAGE_SPACES. A space is the weights and every JSON file beside them:
another preprocessing or prompt is another space, and the path is no part of it.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from morpheus_assets.domain.spaces import Space, SpaceName, space_key
from morpheus_assets.embedding.clip.identity import weights_hash
from morpheus_assets.embedding.clip.preprocessing import PANEL_SHAPINGS, SHAPING, shaped
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused
from morpheus_assets.embedding.local_models import explain_out_of_memory
from morpheus_assets.embedding.local_text.folders import LOCAL
from morpheus_assets.embedding.providers.base import (
    EmbeddingResult,
    InputType,
    ProviderLimits,
    ProviderOptions,
    ProviderSpec,
)
from morpheus_assets.embedding.providers.text_inputs import refuse_unusable

_NAME = "sentence-transformers_multimodal"
_INPUTS = 32
# The side of the square that a region is centred on before the model's own preprocessing makes it smaller.
_SIDE = 1024

PROVIDER = ProviderSpec(
    name=_NAME,
    aliases=("sentence_transformers_multimodal",),
    purpose="image",
    kind="huggingface",
    examples=("sentence-transformers/local:FOLDER",),
    resolve=lambda name, options: resolve_folder_space(name, options.cache_folder),
    is_local=True,
    open=lambda space, options: SentenceTransformersMultimodalProvider(space, options),
)


def resolve_folder_space(name: SpaceName, cache_folder: Path | None) -> Space:
    """The image space of the model in a folder; raises ConfigurationError, one sentence, where there is none."""
    if not name.model.startswith(LOCAL):
        raise ConfigurationError(
            f"MORPHEUS_IMAGE_SPACES names {name}: write sentence-transformers/local:FOLDER, a folder as"
            " sentence-transformers saves a multimodal model."
        )
    folder = _path_of(name)
    try:
        weights = sorted([*folder.rglob("*.safetensors"), *folder.rglob("pytorch_model*.bin")])
        described = sorted(folder.rglob("*.json"))
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        dimensions = _dimensions(folder, modules)
        if not weights:
            raise FileNotFoundError("no model.safetensors")
        parts = [f"{path.relative_to(folder)} {weights_hash(path, cache_folder)}" for path in weights]
        parts += [f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in described]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ConfigurationError(
            f"MORPHEUS_IMAGE_SPACES names {folder}, which holds no multimodal model of sentence-transformers"
            f" ({error}): save it there with its `save_pretrained`, weights and all."
        ) from None
    revision = "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()
    prepared = {"panels": PANEL_SHAPINGS[SHAPING], "preprocess": "the model's own", "regions": SHAPING}
    key = space_key("sentence-transformers", "local", dimensions, revision[7:15])
    return Space(key, "image", _NAME, "local", revision, dimensions, json.dumps(prepared, sort_keys=True), None)


def _dimensions(folder: Path, modules: list[dict[str, Any]]) -> int:
    found = None
    for module in modules:
        path = folder / str(module["path"]) / "config.json"
        config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        inner = config.get("text_config") or {}
        # Of a Dense module; of a model with towers, which meet in a projection; of one with a common decoder.
        own = config.get("out_features") or config.get("projection_dim") or config.get("hidden_size")
        found = own or inner.get("hidden_size") or found
    if found is None:
        raise KeyError("no config.json names the size of its vectors")
    return int(found)


class SentenceTransformersMultimodalProvider:
    """Unit vectors of panels ("document") and descriptions ("query"); a model is loaded at the first call and kept."""

    def __init__(self, space: Space, options: ProviderOptions) -> None:
        self.space = space
        self.limits = ProviderLimits(_INPUTS)
        self._threads = options.torch_threads or 1
        self._folder = _folder_of(space, options)
        self._worker: ThreadPoolExecutor | None = None
        self._decoding: ThreadPoolExecutor | None = None

    def estimate_tokens(self, text: str) -> int:
        """An upper bound: tokens never outnumber bytes."""
        return len(text.encode()) + 2

    async def embed(self, inputs: Sequence[Any], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed texts, or panels (PIL images or callables that return one); not both in one request."""
        loop = asyncio.get_running_loop()
        contents: list[Any] = list(inputs)
        if all(isinstance(each, str) for each in inputs):
            refuse_unusable(inputs)
        else:
            self._decoding = self._decoding or ThreadPoolExecutor(min(4, os.cpu_count() or 1), "panel-decode")
            jobs = [loop.run_in_executor(self._decoding, _prepare, index, each) for index, each in enumerate(inputs)]
            contents = list(await asyncio.gather(*jobs))
        self._worker = self._worker or ThreadPoolExecutor(1, "sentence-transformers")
        return await loop.run_in_executor(self._worker, self._embed, contents, input_type)

    def _embed(self, contents: list[Any], input_type: InputType) -> EmbeddingResult:
        from morpheus_assets.embedding.providers.responses import unit_vectors

        with explain_out_of_memory(self.space.key, "MORPHEUS_IMAGE_SPACES"):
            model = _load(str(self._folder), self._threads)
            encode = model.encode_query if input_type == "query" else model.encode_document
            vectors = encode(contents, batch_size=_INPUTS, show_progress_bar=False)
        return EmbeddingResult(unit_vectors(vectors, len(contents), self.space), self.space.model, 0)

    async def close(self) -> None:
        """Let the threads end; the loaded model is kept for the next call."""
        pools = (self._worker, self._decoding)
        self._worker = self._decoding = None
        for pool in pools:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)


def _folder_of(space: Space, options: ProviderOptions) -> Path:
    for name in options.configured:
        if name.provider == _NAME and resolve_folder_space(name, options.cache_folder).revision == space.revision:
            return _path_of(name)
    raise ConfigurationError(
        f"The weights of {space.key} lie in none of the folders that MORPHEUS_IMAGE_SPACES names: name their folder"
        " again, as sentence-transformers/local:FOLDER."
    )


def _path_of(name: SpaceName) -> Path:
    return Path(name.model.removeprefix(LOCAL)).expanduser()


def _prepare(index: int, panel: Any) -> Any:
    from PIL import Image

    try:
        image = panel if isinstance(panel, Image.Image) else panel()
        return shaped(image, _SIDE, SHAPING).convert("RGB")
    except Exception as error:
        raise InputRefused(f"This panel cannot be prepared for the model: {error}", index) from error


@lru_cache(maxsize=2)
def _load(folder: str, threads: int) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    try:
        return SentenceTransformer(folder, device="cpu", local_files_only=True)
    except Exception as error:
        raise ConfigurationError(
            f"The multimodal model in {folder} cannot be loaded ({error}): save it there with this version of"
            " sentence-transformers."
        ) from error
