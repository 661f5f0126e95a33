"""BERT encoders of the sentence-transformers format: their configuration, and their graph for OpenVINO.

Read from a folder's JSON files and safetensors: neither torch nor transformers is imported. A folder that holds
anything else (another architecture, a further module, another activation) is left to sentence-transformers.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import openvino

_MODULES = ("Transformer", "Pooling", "Normalize")
_NOT_NEEDED = ("pooler.", "embeddings.position_ids")
_MASKED = -1e4


@dataclass(frozen=True)
class BertModel:
    """A BERT encoder as its folder describes it; `pooling` is "mean" or "cls", `max_tokens` counts special tokens."""

    weights: Path
    tokenizer: Path
    layers: int
    heads: int
    dimensions: int
    epsilon: float
    pooling: str
    max_tokens: int
    prompts: dict[str, str]
    default_prompt: str | None


def read_bert(folder: Path) -> BertModel | None:
    """The BERT encoder in a folder of the sentence-transformers format, None where it holds anything else."""
    weights, tokenizer = folder / "model.safetensors", folder / "tokenizer.json"
    config = _read(folder / "config.json")
    own = _read(folder / "sentence_bert_config.json")
    if not (weights.is_file() and tokenizer.is_file()) or not _is_plain_bert(config) or own.get("do_lower_case"):
        return None
    modules = json.loads((folder / "modules.json").read_text("utf-8")) if (folder / "modules.json").is_file() else []
    kinds = tuple(str(each.get("type", "")).rsplit(".", 1)[-1] for each in modules)
    if kinds not in (_MODULES, _MODULES[:2]):
        return None
    pooling = _pooling(_read(folder / str(modules[1].get("path", "")) / "config.json"))
    if pooling is None:
        return None
    prompts = _read(folder / "config_sentence_transformers.json")
    return BertModel(
        weights,
        tokenizer,
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        dimensions=config["hidden_size"],
        epsilon=config["layer_norm_eps"],
        pooling=pooling,
        max_tokens=own.get("max_seq_length") or config["max_position_embeddings"],
        prompts=prompts.get("prompts") or {},
        default_prompt=prompts.get("default_prompt_name"),
    )


def build_graph(model: BertModel) -> "openvino.Model":
    """The model as a graph: input_ids and attention_mask, int64 [n, tokens], to vectors, float32 [n, dimensions].

    They are pooled and not normalized. Devlin et al. 2018, arXiv:1810.04805; the names of the weights are those of
    transformers' BertModel. Raises ValueError where the weights are not those that the configuration describes.
    """
    import numpy as np
    import openvino
    from openvino import opset13 as op
    from safetensors.numpy import load_file

    weights = _Weights(load_file(model.weights))
    size = model.dimensions

    def integers(*values: int) -> Any:
        return op.constant(np.array(values, dtype=np.int64))

    def normalize(x: Any, name: str) -> Any:
        centred = op.mvn(x, integers(-1), True, model.epsilon, "INSIDE_SQRT")
        return op.add(op.multiply(centred, weights(f"{name}.weight")), weights(f"{name}.bias"))

    def linear(x: Any, name: str) -> Any:
        return op.add(op.matmul(x, weights(f"{name}.weight"), False, True), weights(f"{name}.bias"))

    def heads(x: Any, name: str) -> Any:
        split = op.reshape(linear(x, name), integers(0, 0, model.heads, size // model.heads), True)
        return op.transpose(split, integers(0, 2, 1, 3))

    ids = op.parameter([-1, -1], np.int64, name="input_ids")
    mask = op.parameter([-1, -1], np.int64, name="attention_mask")
    first = op.constant(np.int64(0))
    length = op.gather(op.shape_of(ids), integers(1), first)
    positions = op.slice(
        weights("embeddings.position_embeddings.weight"), integers(0), length, integers(1), integers(0)
    )
    words = op.gather(weights("embeddings.word_embeddings.weight"), ids, first)
    kind = op.gather(weights("embeddings.token_type_embeddings.weight"), first, first)
    x = normalize(op.add(op.add(words, kind), positions), "embeddings.LayerNorm")
    counts = op.convert(mask, "f32")
    hidden = op.subtract(op.constant(np.float32(1)), op.unsqueeze(counts, integers(1, 2)))
    hidden = op.multiply(hidden, op.constant(np.float32(_MASKED)))
    for number in range(model.layers):
        layer = f"encoder.layer.{number}"
        query, key, value = (heads(x, f"{layer}.attention.self.{name}") for name in ("query", "key", "value"))
        attended = op.transpose(op.scaled_dot_product_attention(query, key, value, hidden), integers(0, 2, 1, 3))
        attended = linear(op.reshape(attended, integers(0, 0, size), True), f"{layer}.attention.output.dense")
        x = normalize(op.add(attended, x), f"{layer}.attention.output.LayerNorm")
        wide = op.gelu(linear(x, f"{layer}.intermediate.dense"), "erf")
        x = normalize(op.add(linear(wide, f"{layer}.output.dense"), x), f"{layer}.output.LayerNorm")
    weights.check_all_used()
    if model.pooling == "cls":
        pooled = op.gather(x, first, op.constant(np.int64(1)))
    else:
        each = op.unsqueeze(counts, integers(2))
        total = op.reduce_sum(op.multiply(x, each), integers(1), False)
        pooled = op.divide(total, op.reduce_sum(each, integers(1), False))
    return openvino.Model([op.result(pooled)], [ids, mask], "bert")


class _Weights:
    """The weights as constants of the graph, each asked for by its name; remembers which were."""

    def __init__(self, arrays: "Mapping[str, np.ndarray]") -> None:
        import numpy as np
        from openvino import opset13 as op

        # Some repositories save the encoder within a larger model.
        self._arrays = {name.removeprefix("bert."): array for name, array in arrays.items()}
        self._used: set[str] = set()
        self._constant: Callable[[Any], Any] = lambda array: op.constant(np.asarray(array, dtype=np.float32))

    def __call__(self, name: str) -> Any:
        if name not in self._arrays:
            raise ValueError(f"the weights lack {name}")
        self._used.add(name)
        return self._constant(self._arrays[name])

    def check_all_used(self) -> None:
        left = [name for name in self._arrays if name not in self._used and not name.startswith(_NOT_NEEDED)]
        if left:
            raise ValueError(f"the weights hold {left[0]}, which no plain BERT has")


def _is_plain_bert(config: Mapping[str, Any]) -> bool:
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
    )


def _pooling(config: Mapping[str, Any]) -> str | None:
    # Two forms of the same file: flags, and since sentence-transformers 6 a name.
    named = config.get("pooling_mode")
    flags = {name.removeprefix("pooling_mode_") for name, on in config.items() if on is True}
    flags &= {"cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"}
    if config.get("include_prompt") is False:
        return None
    if named == "mean" or flags == {"mean_tokens"}:
        return "mean"
    return "cls" if named == "cls" or flags == {"cls_token"} else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
