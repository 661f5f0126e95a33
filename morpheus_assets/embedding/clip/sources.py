"""Sources of a configured CLIP: its architecture, tag, folder, weights file and configuration.

Reads small JSON files only: no torch, no network, no weights (model.py loads those).
"""

import difflib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morpheus_assets.domain.spaces import SpaceName
from morpheus_assets.embedding.errors import ConfigurationError

DEMO_MODEL = "demo"
DEMO_FOLDER = Path(__file__).resolve().parents[2] / "samples" / "tiny_clip"
CONFIG_FILE = "open_clip_config.json"
_LOCAL = "local:"
_WEIGHT_NAMES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
)
_SUGGESTED = ("ViT-B-32@laion2b_s34b_b79k", "ViT-B-32-SigLIP2-256@webli", "PE-Core-B-16@meta")


@dataclass(frozen=True)
class ClipSource:
    """A CLIP as configured: `weights` is None for a hub tag, `folder` is None where there is no config file.

    `architecture` is one of open_clip's own names, None when the folder's config describes the model;
    `model_config` has at least `embed_dim`, `vision_cfg`, `text_cfg`; `preprocess` is empty for a hub tag.
    """

    name: str
    architecture: str | None
    tag: str | None
    folder: Path | None
    weights: Path | None
    model_config: Mapping[str, Any]
    preprocess: Mapping[str, Any]

    @property
    def dimensions(self) -> int:
        """Components of its vectors."""
        return int(self.model_config["embed_dim"])


def find_clip_source(name: SpaceName) -> ClipSource:
    """Resolve `open_clip/MODEL@TAG`, `…/local:FOLDER`, `…/local:FILE[@MODEL]` or `…/demo`.

    Raises ConfigurationError with one sentence that says what was expected.
    """
    if name.model == DEMO_MODEL:
        return _from_path(name, DEMO_FOLDER)
    if name.model.startswith(_LOCAL):
        return _from_written_path(name, name.model.removeprefix(_LOCAL))
    config = architecture_config(name.model)
    if config is None:
        raise ConfigurationError(_unknown_model(name.model))
    if not name.tag:
        raise ConfigurationError(
            f"`{name}` lacks the pretrained tag after @: write, for example, `open_clip/{_SUGGESTED[0]}`."
        )
    return ClipSource(name.model, name.model, name.tag, None, None, config, {})


def architecture_config(architecture: str) -> Mapping[str, Any] | None:
    """open_clip's configuration of one of its architectures, without importing it (that loads torch)."""
    path = _config_folder() / f"{architecture.replace('/', '-')}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def _from_written_path(name: SpaceName, written: str) -> ClipSource:
    path = Path(written).expanduser()
    file, at, architecture = written.rpartition("@")
    if not path.exists() and at:
        path, architecture = Path(file).expanduser(), architecture
    else:
        architecture = ""
    if not path.exists():
        raise ConfigurationError(f"`{name}` names {path}, which does not exist: give a folder or a weights file.")
    return _from_path(name, path, architecture)


def _from_path(name: SpaceName, path: Path, architecture: str = "") -> ClipSource:
    folder = path if path.is_dir() else path.parent
    config_path = folder / CONFIG_FILE
    if path.is_file() and architecture:
        config = architecture_config(architecture)
        if config is None:
            raise ConfigurationError(_unknown_model(architecture))
        return ClipSource(_LOCAL + path.name, architecture, None, None, path, config, {})
    if not config_path.is_file():
        raise ConfigurationError(
            f"`{name}` needs {CONFIG_FILE} beside its weights in {folder},"
            " or the architecture after @, as in `open_clip/local:FILE@ViT-B-32`."
        )
    try:
        config = json.loads(config_path.read_text("utf-8"))
        model_config = config["model_cfg"]
        int(model_config["embed_dim"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{config_path} is no open_clip configuration (it needs model_cfg with embed_dim): export it again."
        ) from error
    weights = _weights_in(folder, name)
    if path.is_file() and path != weights:
        raise ConfigurationError(
            f"`{name}`: the folder {folder} also holds {weights.name}, which open_clip would load: leave one of them."
        )
    label = DEMO_MODEL if name.model == DEMO_MODEL else _LOCAL + folder.name
    return ClipSource(label, None, None, folder, weights, model_config, config.get("preprocess_cfg", {}))


def _weights_in(folder: Path, name: SpaceName) -> Path:
    for candidate in _WEIGHT_NAMES:
        if (folder / candidate).is_file():
            return folder / candidate
    raise ConfigurationError(f"`{name}`: {folder} holds no weights ({_WEIGHT_NAMES[0]} was looked for).")


def _config_folder() -> Path:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("The package open-clip-torch is not installed: run `make setup` again.")
    return Path(next(iter(spec.submodule_search_locations))) / "model_configs"


def _unknown_model(model: str) -> str:
    known = sorted(path.stem for path in _config_folder().glob("*.json"))
    near = difflib.get_close_matches(model, known, n=4, cutoff=0.5)
    nearest = f"the nearest of its {len(known)} names are {', '.join(near)}" if near else "none is near to it"
    return (
        f"open_clip knows no model `{model}`; {nearest}:"
        f" try {', '.join(f'open_clip/{each}' for each in _SUGGESTED)},"
        " open_clip/local:FOLDER or open_clip/demo."
    )
