"""Files of a model on the Hugging Face hub: from the local cache at once, else downloaded, else one sentence.

A hub that cannot be reached is found out by one short probe; the client alone would retry for minutes.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from morpheus_assets.embedding.errors import ConfigurationError

PROBE_SECONDS = 3.0
_TOKENIZER_FILES = ["tokenizer*", "special_tokens_map.json", "*.model", "vocab*", "merges.txt", "config.json"]


def hub_file(repository: str, filenames: Sequence[str], wanted_by: str) -> Path:
    """Local path of the first of `filenames` that `repository` has, preferring what is cached already."""
    from huggingface_hub import hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    for filename in filenames:
        try:
            return Path(hf_hub_download(repository, filename, local_files_only=True))
        except (OSError, ValueError):
            continue
    _require_hub(hf_hub_url(repository, filenames[0]), wanted_by)
    for filename in filenames:
        try:
            return Path(hf_hub_download(repository, filename, etag_timeout=PROBE_SECONDS))
        except EntryNotFoundError:
            continue
        except Exception as error:
            raise ConfigurationError(_unreachable(wanted_by, type(error).__name__)) from error
    raise ConfigurationError(f"The hub's {repository} holds none of {', '.join(filenames)}: choose another tag.")


def hub_tokenizer(repository: str, wanted_by: str) -> Path:
    """Local folder with the tokenizer files of `repository`."""
    from huggingface_hub import hf_hub_url, snapshot_download

    try:
        folder = Path(snapshot_download(repository, allow_patterns=_TOKENIZER_FILES, local_files_only=True))
        if any(folder.glob("tokenizer*")):
            return folder
    except (OSError, ValueError):
        pass
    _require_hub(hf_hub_url(repository, "config.json"), wanted_by)
    try:
        return Path(snapshot_download(repository, allow_patterns=_TOKENIZER_FILES, etag_timeout=PROBE_SECONDS))
    except Exception as error:
        raise ConfigurationError(_unreachable(wanted_by, type(error).__name__)) from error


def _require_hub(url: str, wanted_by: str) -> None:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise ConfigurationError(_unreachable(wanted_by, "HF_HUB_OFFLINE is set"))
    answer: list[str | None] = []
    # In a thread: a name server that does not answer blocks longer than any timeout given to the client.
    prober = threading.Thread(target=lambda: answer.append(_probe(url)), daemon=True)
    prober.start()
    prober.join(PROBE_SECONDS + 1)
    fault = answer[0] if answer else f"no answer in {PROBE_SECONDS:.0f} s"
    if fault:
        raise ConfigurationError(_unreachable(wanted_by, fault))


def _probe(url: str) -> str | None:
    import httpx

    try:
        status = httpx.head(url, timeout=PROBE_SECONDS).status_code
    except Exception as error:
        return type(error).__name__
    # 404 is the hub's own answer (this file name is not there, another may be).
    return None if status < 400 or status == 404 else f"HTTP {status}"


def _unreachable(wanted_by: str, fault: str) -> str:
    return (
        f"The weights of `{wanted_by}` are not on this machine and the model hub cannot be reached ({fault}):"
        " set MORPHEUS_IMAGE_SPACES to `open_clip/local:FOLDER` with a checkpoint of yours, or to"
        " `open_clip/demo`, the packaged demo model, which knows only drawn sample panels."
    )
