"""CLIP on this machine through open_clip: panels decoded beside the forward pass, texts by its text tower.

Default ViT-B-32@laion2b_s34b_b79k: MIT, 512 dimensions, own tokenizer, 600 MB. SigLIP2 B/32-256 and PE-Core
B/16 (both Apache-2.0) are stronger, but larger or slower on a CPU, and SigLIP2 needs the hub's tokenizer.
`demo` is the packaged tiny model that knows drawn sample panels only; used when asked for, never instead.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space, SpaceName
from morpheus_assets.embedding.clip.identity import (
    decodes_scaled,
    file_digest,
    find_name,
    resolve_clip_space,
    space_precision,
)
from morpheus_assets.embedding.clip.sources import DEMO_MODEL, ClipSource, find_clip_source
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused
from morpheus_assets.embedding.local_models import explain_out_of_memory
from morpheus_assets.embedding.providers.base import EmbeddingResult, InputType, ProviderLimits, ProviderSpec

if TYPE_CHECKING:
    from PIL import Image

    from morpheus_assets.embedding.clip.model import ClipModel

BATCH = 32

PROVIDER = ProviderSpec(
    name="open_clip",
    aliases=("open-clip",),
    purpose="image",
    kind="pytorch",
    examples=("open_clip/MODEL@TAG", "open_clip/local:FOLDER", "open_clip/demo"),
    resolve=lambda name, options: resolve_clip_space(
        name, cache_folder=options.cache_folder, precision=options.precision
    ),
    is_local=True,
    open=lambda space, options: open_provider(
        space,
        name=find_name(space, options.configured, options.cache_folder),
        threads=options.torch_threads,
    ),
)


def open_provider(
    space: Space, *, name: SpaceName | None = None, threads: int | None = None, decoders: int | None = None
) -> "OpenClipProvider":
    """Open an `open_clip/…` space; loads nothing yet.

    `name` is needed for `local:` spaces only, whose path is no part of their identity. `threads` is torch's
    number of threads, `decoders` the number of decoding threads. Raises ConfigurationError.
    """
    if name is None:
        if space.model == "local":
            raise ConfigurationError(f"{space.key} is a local checkpoint: name its folder in MORPHEUS_IMAGE_SPACES.")
        tag = None if space.model == DEMO_MODEL else space.revision
        name = SpaceName(space.provider, space.model, tag=tag)
    return OpenClipProvider(space, find_clip_source(name), threads=threads, decoders=decoders)


class OpenClipProvider:
    """Embeds panels ("document") and descriptions of panels ("query") with one local model.

    A panel is a PIL image, or a callable that returns one: the callable is run in a decoding thread, so that
    decoding overlaps the forward pass of the batch before and only a few whole panels are in memory at a time. It
    is given a function from a panel's size to the least size in which the model takes it, or None: whole. The
    model is loaded at the first `embed`; several calls in flight keep both sides busy.
    """

    def __init__(
        self,
        space: Space,
        source: ClipSource,
        *,
        threads: int | None = None,
        decoders: int | None = None,
    ) -> None:
        self.space = space
        self.limits = ProviderLimits(max_inputs=BATCH)
        self._source = source
        self._threads = threads
        self._decoders = decoders
        self._model: ClipModel | None = None
        self._loading = threading.Lock()
        self._loader: ThreadPoolExecutor | None = None
        self._decoding: ThreadPoolExecutor | None = None
        self._forward: ThreadPoolExecutor | None = None

    def estimate_tokens(self, text: str) -> int:
        """An upper bound: byte-pair tokens never outnumber bytes."""
        return len(text.encode()) + 2

    async def embed(
        self,
        inputs: "Sequence[str | Image.Image | Callable[..., Image.Image]]",
        input_type: InputType,
        *,
        patience: float = 1.0,
    ) -> EmbeddingResult:
        """Unit vectors, float32 [n, dimensions], in the order of `inputs`: texts, or panels, not both.

        Raises InputRefused with the index of a panel that cannot be opened, ConfigurationError when the model
        cannot be loaded, InvalidAnswer when it gives no usable vector.
        """
        with explain_out_of_memory(self.space.key, "MORPHEUS_IMAGE_SPACES"):
            return await self._embed(inputs)

    async def _embed(self, inputs: "Sequence[str | Image.Image | Callable[..., Image.Image]]") -> EmbeddingResult:
        from morpheus_assets.embedding.providers.responses import unit_vectors

        loop = asyncio.get_running_loop()
        # one thread of its own: each call that comes while the model is loaded would hold one of the event loop's
        loading = self._loader = self._loader or ThreadPoolExecutor(1, "clip-load")
        model = self._model
        if model is None:
            model = await loop.run_in_executor(loading, self._load)
        forward = self._forward = self._forward or ThreadPoolExecutor(model.workers, "clip-forward")
        tokens = 0
        if all(isinstance(each, str) for each in inputs):
            texts = [str(each) for each in inputs]
            vectors, tokens = await loop.run_in_executor(forward, model.embed_texts, texts)
        else:
            decoding = self._decoding = self._decoding or ThreadPoolExecutor(self._threads_for(model), "clip-decode")
            jobs = [
                loop.run_in_executor(decoding, _prepare, model, i, each, self.space) for i, each in enumerate(inputs)
            ]
            prepared = await _all_or_first_error(jobs)
            vectors = await loop.run_in_executor(forward, model.embed_panels, prepared)
        checked = unit_vectors(vectors, len(inputs), self.space)
        return EmbeddingResult(checked, self.space.model, tokens)

    async def close(self) -> None:
        """Let go of the model and the threads; a later `embed` loads it again."""
        pools = (self._loader, self._decoding, self._forward)
        self._loader = self._decoding = self._forward = self._model = None
        for pool in pools:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _load(self) -> "ClipModel":
        from morpheus_assets.embedding.clip.model import load_clip

        with self._loading:
            if self._model is None:
                if self._source.weights is not None:
                    _require_same_weights(self._source.weights, self.space)
                self._model = load_clip(self._source, space_precision(self.space), self._threads)
            return self._model

    def _threads_for(self, model: "ClipModel") -> int:
        """Decoding threads: a few beside a CPU's forward pass, every core beside a card, which waits for them."""
        cores = os.cpu_count() or 1
        return self._decoders or (min(4, cores) if model.device == "cpu" else cores)


def _require_same_weights(weights: Path, space: Space) -> None:
    if space.revision != f"sha256:{file_digest(weights)}":
        raise ConfigurationError(
            f"The weights {weights} are not those that {space.key} was made with: put the old file back, or reload"
            " the definitions to start a new space."
        )


def _prepare(model: "ClipModel", index: int, panel: Any, space: Space) -> Any:
    from PIL import Image

    try:
        if not isinstance(panel, Image.Image):
            least = partial(model.preparation.least_size, shaping=space.shaping)
            panel = panel(least if decodes_scaled(space) else None)
        return model.prepare(panel, space.shaping)
    except Exception as error:
        raise InputRefused(f"This panel cannot be prepared for the model: {error}", index) from error


async def _all_or_first_error(jobs: Sequence["asyncio.Future[Any]"]) -> list[Any]:
    try:
        return await asyncio.gather(*jobs)
    except BaseException:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        raise
