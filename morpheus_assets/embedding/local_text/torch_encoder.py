"""Any model that sentence-transformers loads, on torch in fp32."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from morpheus_assets.embedding.local_text.encoder import prompt_for
from morpheus_assets.embedding.providers.base import InputType

if TYPE_CHECKING:
    import numpy as np


class TorchEncoder:
    """A TextEncoder around a SentenceTransformer."""

    runtime = "torch fp32"

    def __init__(self, model: Any) -> None:
        self._model = model
        self.dimensions = int(model.get_embedding_dimension())
        self.max_tokens: int | None = model.max_seq_length

    def count_tokens(self, texts: Sequence[str], input_type: InputType) -> list[int]:
        """Tokens of each text, special ones and the prompt included."""
        prompt = prompt_for(self._model.prompts or {}, input_type, self._model.default_prompt_name)
        prompted = [prompt + text for text in texts]
        encoded = self._model.tokenizer(prompted, truncation=False, padding=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def encode(self, texts: Sequence[str], input_type: InputType) -> "np.ndarray":
        """Vectors of length 1, float32 [n, dimensions]."""
        import numpy as np

        # encode() sorts a batch by length itself, which is 1.8 times as fast as the order of the book.
        encode = self._model.encode_query if input_type == "query" else self._model.encode_document
        vectors = encode(list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)
