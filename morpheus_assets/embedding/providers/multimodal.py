"""What models that take text and pictures into one space share: panels as documents, descriptions as questions.

A provider's file says how its requests look; a text that is a document is sent as one, too.
"""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from morpheus_assets.domain.spaces import MOST_DIMENSIONS, Space, SpaceName, space_key
from morpheus_assets.embedding.clip.preprocessing import PANEL_SHAPINGS, SHAPING
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers.base import EmbeddingModel, EmbeddingResult, InputType
from morpheus_assets.embedding.providers.json_over_http import JsonProvider
from morpheus_assets.embedding.providers.panel_jpegs import data_uri
from morpheus_assets.embedding.providers.text_inputs import refuse_unusable

_DECODERS = 4


@dataclass(frozen=True)
class Content:
    """One input: a text, or a panel as a data URI."""

    text: str = ""
    image: str = ""


def resolve_multimodal_space(provider: str, models: Sequence[EmbeddingModel], name: SpaceName) -> Space:
    """The image space of `provider/MODEL[@DIMENSIONS]`; raises ConfigurationError for another model or size."""
    model = next((each for each in models if each.name == name.model), None)
    if model is None:
        raise ConfigurationError(
            f"MORPHEUS_IMAGE_SPACES names the unknown model {name}: known are"
            f" {', '.join(f'{provider}/{each.name}' for each in models)}."
        )
    size = name.tag or str(model.dimensions)
    if not size.isdecimal() or not model.allows(int(size)) or int(size) > MOST_DIMENSIONS:
        raise ConfigurationError(
            f"MORPHEUS_IMAGE_SPACES names {name}, but {model.name} gives vectors of {model.allowed_dimensions}"
            " dimensions: choose one of them."
        )
    prepared = {"panels": PANEL_SHAPINGS[SHAPING], "preprocess": "fitted into 1024", "regions": SHAPING}
    preparation = json.dumps(prepared, sort_keys=True)
    key = space_key(provider, model.name, int(size))
    return Space(key, "image", provider, model.name, model.revision, int(size), preparation, None)


class MultimodalProvider(JsonProvider):
    """Unit vectors of panels ("document") and descriptions ("query"); a subclass gives `contents_payload`."""

    _decoding: ThreadPoolExecutor | None = None

    def contents_payload(self, contents: list[Content], input_type: InputType) -> dict[str, Any]:
        """The body of a request for these contents, all texts or all panels."""
        raise NotImplementedError

    def payload(self, texts: list[str], input_type: InputType) -> dict[str, Any]:
        """The body of a request for texts."""
        return self.contents_payload([Content(text=text) for text in texts], input_type)

    def estimate_tokens(self, text: str) -> int:
        """An upper bound: tokens never outnumber bytes."""
        return len(text.encode()) + 2

    async def embed(self, inputs: Sequence[Any], input_type: InputType, *, patience: float = 1.0) -> EmbeddingResult:
        """Embed texts, or panels (PIL images or callables that return one); not both in one request."""
        if all(isinstance(each, str) for each in inputs):
            refuse_unusable(inputs)
            contents = [Content(text=each) for each in inputs]
        else:
            if self._decoding is None:
                self._decoding = ThreadPoolExecutor(_DECODERS, thread_name_prefix="panel-jpegs")
            loop = asyncio.get_running_loop()
            # One after the other is begun when one is done, so that few decoded panels are in memory at a time.
            jobs = [loop.run_in_executor(self._decoding, data_uri, index, each) for index, each in enumerate(inputs)]
            contents = [Content(image=await job) for job in jobs]
        return await self.send(self.contents_payload(contents, input_type), len(inputs), patience)

    async def send(self, payload: dict[str, Any], count: int, patience: float) -> EmbeddingResult:
        """Send a request and give its checked vectors, of length 1."""
        from morpheus_assets.embedding.providers.responses import unit_vectors

        response = await self.post(payload, patience)
        answer = self.checked(response, count)
        vectors = unit_vectors(answer.vectors, count, self.space)
        counted = answer.tokens is not None
        return EmbeddingResult(vectors, answer.model, answer.tokens or 0, counted=counted, encoding=answer.encoding)

    async def close(self) -> None:
        """Give back connections and threads."""
        decoding, self._decoding = self._decoding, None
        if decoding is not None:
            decoding.shutdown(wait=False, cancel_futures=True)
        await super().close()
