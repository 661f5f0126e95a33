"""CLIP on a GPU elsewhere: panels and texts to a RunPod serverless endpoint, checked unit vectors back.

The worker takes {"model", "input": [...], "modality": "image"|"text"}, panels as data URIs, and answers in OpenAI's
shape {"data": [{"index", "embedding"}], "model"}, as the multimodal infinity-embedding workers do.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.spaces import Space, SpaceName, space_key
from morpheus_assets.embedding.clip.preprocessing import PANEL_SHAPINGS, SHAPING
from morpheus_assets.embedding.clip.sources import architecture_config
from morpheus_assets.embedding.errors import ConfigurationError, ProviderUnavailable
from morpheus_assets.embedding.providers.base import (
    EmbeddingResult,
    InputType,
    ProviderOptions,
    ProviderSpec,
    request_limits,
)
from morpheus_assets.embedding.providers.panel_jpegs import data_uri

if TYPE_CHECKING:
    from PIL import Image

    from morpheus_assets.embedding.providers.runpod import RunPodJobs

BATCH = 16
DECODERS = 4
_VENDOR = "The remote CLIP endpoint"

PROVIDER = ProviderSpec(
    name="remote_clip",
    purpose="image",
    kind="runpod",
    examples=("remote_clip/MODEL@DIMENSIONS",),
    resolve=lambda name, _: resolve_remote_space(name),
    key_setting="remote_clip_api_key",
    base_url_setting="remote_clip_url",
    open=lambda space, options: open_provider(space, options),
)


def resolve_remote_space(name: SpaceName) -> Space:
    """The space of `remote_clip/MODEL[@DIMENSIONS]`; raises ConfigurationError when its dimensions are not known."""
    stated = name.tag or ""
    config = architecture_config(name.model)
    dimensions = int(stated) if stated.isdecimal() else int(config["embed_dim"]) if config else None
    if dimensions is None:
        raise ConfigurationError(
            f"`{name}` lacks its number of dimensions: write `remote_clip/{name.model}@512`, for example."
        )
    preparation = json.dumps(
        {
            "panels": PANEL_SHAPINGS[SHAPING],
            "preprocess": "fitted into 1024, then the endpoint's own",
            "regions": SHAPING,
        },
        sort_keys=True,
    )
    # Vectors of whole files lie under the shorter key.
    key = space_key("remote-clip", name.model, dimensions, f"regions-{SHAPING}")
    return Space(key, "image", "remote_clip", name.model, "as deployed", dimensions, preparation, None)


def open_provider(space: Space, options: ProviderOptions, cold_start_seconds: float = 300.0) -> "RemoteClipProvider":
    """Open a `remote_clip/…` space; connects to nothing yet. Raises ConfigurationError without key or address."""
    from morpheus_assets.embedding.providers.runpod import RunPodEndpoint, RunPodJobs

    base_url = options.base_url
    if not base_url or not base_url.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"{space.key} needs MORPHEUS_REMOTE_CLIP_URL: set it to https://api.runpod.ai/v2/ENDPOINT_ID."
        )
    key_name = options.key_name or "MORPHEUS_REMOTE_CLIP_API_KEY"
    if not options.api_key:
        raise ConfigurationError(f"{space.key} needs {key_name}: set it to a key of the endpoint's account.")
    endpoint = RunPodEndpoint(
        vendor=_VENDOR,
        model=space.model,
        base_url=base_url,
        key_setting=key_name,
        base_url_setting=options.address_name or "MORPHEUS_REMOTE_CLIP_URL",
        timeout_seconds=options.timeout_seconds,
        secret=options.api_key,
    )
    return RemoteClipProvider(space, RunPodJobs(endpoint, cold_start_seconds), options)


class RemoteClipProvider:
    """Embeds panels ("document", polled for) and descriptions ("query", answered in one exchange)."""

    def __init__(self, space: Space, jobs: "RunPodJobs", options: ProviderOptions) -> None:
        self.space = space
        self.limits = request_limits(options, BATCH, options.max_request_tokens, None)
        self._jobs = jobs
        self._served_as = options.served_as or space.model
        self._answers_as = (space.model, *options.answers_as)
        # not the event loop's own: what else its process does in them would wait for pictures
        self._decoding = ThreadPoolExecutor(DECODERS, "remote-clip-decode")

    def estimate_tokens(self, text: str) -> int:
        """An upper bound: byte-pair tokens never outnumber bytes."""
        return len(text.encode()) + 2

    async def embed(
        self,
        inputs: "Sequence[str | Image.Image | Callable[[], Image.Image]]",
        input_type: InputType,
        *,
        patience: float = 1.0,
    ) -> EmbeddingResult:
        """Unit vectors, float32 [n, dimensions], in the order of `inputs`: texts, or panels, not both.

        A panel is a PIL image or a callable that returns one. Raises RequestTooLarge before anything is sent when
        the panels together exceed the endpoint's limit, InputRefused for a panel that cannot be opened, and the
        classes of embedding.errors for what the endpoint does.
        """
        from morpheus_assets.embedding.providers.responses import read_response, unit_vectors

        if all(isinstance(each, str) for each in inputs):
            modality, content = "text", [str(each) for each in inputs]
        else:
            modality = "image"
            loop = asyncio.get_running_loop()
            content = [
                await loop.run_in_executor(self._decoding, data_uri, index, each, self.space.shaping)
                for index, each in enumerate(inputs)
            ]
        job = {"model": self._served_as, "input": content, "modality": modality}
        output = await self._jobs.run(job, wait_inline=input_type == "query", patience=patience)
        _raise_worker_error(output)
        answer = read_response(
            json.dumps(output).encode(),
            count=len(inputs),
            dimensions=self.space.dimensions,
            model=self._served_as,
            also_named=self._answers_as,
            vendor=_VENDOR,
        )
        vectors = unit_vectors(answer.vectors, len(inputs), self.space)
        counted = answer.tokens is not None
        return EmbeddingResult(vectors, answer.model, answer.tokens or 0, counted=counted, encoding=answer.encoding)

    async def close(self) -> None:
        """Give back connections; a later `embed` opens them again."""
        await self._jobs.close()


def _raise_worker_error(output: Any) -> None:
    """A worker that catches its own fault completes the job with an error object as its output."""
    if isinstance(output, dict) and (output.get("object") == "error" or "error" in output):
        said = output.get("message") or output.get("error")
        raise ProviderUnavailable(
            f"{_VENDOR}'s worker failed ({' '.join(str(said).split())[:200]}):"
            " look at the endpoint's log, or run again later."
        )
