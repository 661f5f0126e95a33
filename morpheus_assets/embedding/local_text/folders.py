"""A text model in a folder of this machine, `local:FOLDER`: its size, its weights' hash, and where they lie now.

Reads JSON files and the weights' bytes only. The path is no part of what a space is: the weights are.
"""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morpheus_assets.embedding.clip.identity import file_digest
from morpheus_assets.embedding.errors import ConfigurationError

LOCAL = "local:"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class FolderModel:
    """A model in a folder: its vectors' size, the most tokens of an input without special ones, its weights' sha256."""

    folder: Path
    dimensions: int
    max_input_tokens: int | None
    digest: str

    @property
    def revision(self) -> str:
        """What tells its weights from others in a space."""
        return f"sha256:{self.digest}"


def read_folder(written: str) -> FolderModel:
    """The model in a folder; raises ConfigurationError, one sentence, where there is none that can be used."""
    folder = Path(written).expanduser()
    weights = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise ConfigurationError(
            f"{folder} holds no text model: it needs modules.json, config.json and {' or '.join(_WEIGHTS)}, as"
            " sentence-transformers saves them."
        )
    try:
        config = _read(folder / "config.json")
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        dimensions = _dimensions(folder, modules) or config["hidden_size"]
        longest = _read(folder / "sentence_bert_config.json").get("max_seq_length")
        longest = longest or config.get("max_position_embeddings")
        status = weights.stat()
        digest = _digest_of(weights.resolve(), status.st_size, status.st_mtime_ns)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"The text model in {folder} cannot be read ({type(error).__name__}: {error}): save it with"
            " sentence-transformers, weights and all."
        ) from None
    return FolderModel(folder, int(dimensions), int(longest) - 2 if longest else None, digest)


def find_folder(revision: str, written: Iterable[str]) -> Path:
    """The one of these folders whose weights are those of a space; raises ConfigurationError where none is."""
    folders = list(written)
    for each in folders:
        try:
            found = read_folder(each)
        except ConfigurationError:
            continue
        if found.revision == revision:
            return found.folder
    raise ConfigurationError(
        f"The weights with {revision[:19]}… lie in none of the folders that MORPHEUS_TEXT_SPACES and spaces.toml name"
        f" ({', '.join(folders) or 'none'}): name their folder again, as sentence-transformers/local:FOLDER."
    )


@functools.lru_cache(maxsize=16)
def _digest_of(weights: Path, _size: int, _changed: int) -> str:
    return file_digest(weights)


def _dimensions(folder: Path, modules: list[dict[str, Any]]) -> int | None:
    # The last module that changes the size gives it.
    found = None
    for module in modules:
        config = _read(folder / str(module.get("path", "")) / "config.json")
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        if kind == "Dense":
            found = config.get("out_features", found)
        elif kind == "Pooling":
            found = config.get("word_embedding_dimension") or config.get("embedding_dimension") or found
    return found


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
