"""A BERT encoder on OpenVINO: each text by itself, as many at a time as there are threads.

The vector of a text so depends on nothing but the text, whatever it is sent along with. Measured on MiniLM beside
sentence-transformers: bench/local_model.py.
"""

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from morpheus_assets.embedding.local_text.bert import BertModel, build_graph
from morpheus_assets.embedding.local_text.encoder import prompt_for
from morpheus_assets.embedding.providers.base import InputType

if TYPE_CHECKING:
    import numpy as np

# Between a vector and the same in fp32: closer, the two are of one space.
CLOSE_ENOUGH = 0.9999
# A new length costs some 8 ms once: inputs are filled up to a multiple of this.
_LENGTHS = 16
# So many texts until another caller has its turn: some .3 s of the longest.
_TURN = 16
_PROBES = (
    "The ship came home in the evening.",
    "Elle avait posé la lettre sur la table, sans un mot, et regardait la pluie tomber.",
    "话说天下大势，分久必合，合久必分。",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness. "
    * 4,
)


class OpenVinoEncoder:
    """A TextEncoder on the CPU, in bf16 where the processor computes it and the vectors stay those of fp32.

    `known_close` spares the comparison with fp32 for a model on which it was made. Raises ImportError where OpenVINO
    is not installed, and ValueError for weights that are no plain BERT's.
    """

    def __init__(self, model: BertModel, threads: int, *, known_close: bool = False) -> None:
        from tokenizers import Tokenizer

        self.dimensions = model.dimensions
        self.max_tokens: int | None = model.max_tokens
        self._model = model
        self._threads = threads
        self._turn = threading.Lock()
        self._tokenizer = Tokenizer.from_file(str(model.tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._core = import_openvino().Core()
        graph = build_graph(model)
        precision = "bf16" if has_native_bf16(self._core) else "f32"
        self._queue = self._compile(graph, precision)
        if precision == "bf16" and not known_close:
            exact = self._compile(graph, "f32")
            probes = [text for text in _PROBES if len(self._tokenizer.encode(text).ids) <= model.max_tokens]
            cosines = (self._run(self._queue, probes) * self._run(exact, probes)).sum(axis=1)
            if cosines.min() < CLOSE_ENOUGH:
                precision, self._queue = "f32", exact
        self.runtime = f"OpenVINO {precision}"

    def count_tokens(self, texts: Sequence[str], input_type: InputType) -> list[int]:
        """Tokens of each text, special ones and the prompt included."""
        return [len(each.ids) for each in self._tokenizer.encode_batch(self._prompted(texts, input_type))]

    def encode(self, texts: Sequence[str], input_type: InputType) -> "np.ndarray":
        """Vectors of length 1, float32 [n, dimensions]."""
        return self._run(self._queue, self._prompted(texts, input_type))

    def _prompted(self, texts: Sequence[str], input_type: InputType) -> list[str]:
        prompt = prompt_for(self._model.prompts, input_type, self._model.default_prompt)
        return [prompt + text for text in texts] if prompt else list(texts)

    def _compile(self, graph: Any, precision: str) -> Any:
        compiled = self._core.compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,
                "INFERENCE_NUM_THREADS": self._threads,
                # A text a stream: two threads on one text of 256 tokens wait for each other a fifth of the time.
                "NUM_STREAMS": str(self._threads),
                # Pinned, the threads of two processes would share one core and leave the other idle.
                "ENABLE_CPU_PINNING": False,
            },
        )
        return import_openvino().AsyncInferQueue(compiled, self._threads)

    def _run(self, queue: Any, texts: Sequence[str]) -> "np.ndarray":
        import numpy as np

        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)

        def keep(request: Any, row: int) -> None:
            vectors[row] = request.get_output_tensor(0).data[0]

        encoded = self._tokenizer.encode_batch(list(texts))
        # The longest first, so that no thread is left with one at the end.
        order = sorted(range(len(texts)), key=lambda row: -len(encoded[row].ids))
        for start in range(0, len(order), _TURN):
            with self._turn:
                queue.set_callback(keep)
                for row in order[start : start + _TURN]:
                    queue.start_async(_filled_up(encoded[row].ids), row)
                queue.wait_all()
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def import_openvino() -> ModuleType:
    """OpenVINO, without the statistics that its import would send to its maker."""
    # It asks for this package and goes on without it.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def has_native_bf16(core: Any, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """True where the processor multiplies bf16 itself; OpenVINO also offers to imitate it, slower than fp32."""
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    try:
        flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "")
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.split())


def _filled_up(ids: Sequence[int]) -> "list[np.ndarray]":
    import numpy as np

    inputs = np.zeros((2, 1, -(-len(ids) // _LENGTHS) * _LENGTHS), dtype=np.int64)
    inputs[0, 0, : len(ids)] = ids
    inputs[1, 0, : len(ids)] = 1
    return [inputs[0], inputs[1]]
