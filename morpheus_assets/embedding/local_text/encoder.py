"""What a loaded text model offers, whichever library runs it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from morpheus_assets.embedding.providers.base import InputType

if TYPE_CHECKING:
    import numpy as np


class TextEncoder(Protocol):
    """A text model in memory; may be used by several threads.

    `runtime` names the library and the precision that compute, for people; `max_tokens` is the most that one input may
    have, special tokens and prompt included (None: no limit).
    """

    dimensions: int
    max_tokens: int | None
    runtime: str

    def count_tokens(self, texts: Sequence[str], input_type: InputType) -> list[int]:
        """Tokens of each text, special ones and the model's own prompt included, without cutting anything."""

    def encode(self, texts: Sequence[str], input_type: InputType) -> "np.ndarray":
        """Vectors of length 1, float32 [n, dimensions], in the order of the texts."""


def prompt_for(prompts: dict[str, str], input_type: InputType, default: str | None = None) -> str:
    """The words that the model's own configuration puts before an input, as sentence-transformers chooses them."""
    names = ("query",) if input_type == "query" else ("document", "passage", "corpus")
    chosen = next((name for name in names if name in prompts), default)
    return prompts.get(chosen, "") if chosen is not None else ""
