"""The identity of an image space: whose vectors it holds, from which weights and which preprocessing.

A hub model is identified by name, tag and open_clip's configuration, so that definitions load before anything
is downloaded; a local one by the hash of its weights. No torch and no network here.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from morpheus_assets.domain.spaces import Space, SpaceName, space_key
from morpheus_assets.embedding.clip.preprocessing import PANEL_DECODING, PANEL_SHAPING
from morpheus_assets.embedding.clip.sources import DEMO_MODEL, architecture_config, find_clip_source
from morpheus_assets.embedding.errors import ConfigurationError

Precision = Literal["fp32", "bf16"]
_HASH_CACHE = "weights.json"
_BLOCK = 1 << 20


def resolve_image_space(
    name: SpaceName, *, cache_folder: Path, precision: Precision = "fp32", scaled: bool = True
) -> Space:
    """The space that `name` stands for; the hash of local weights is kept in `cache_folder`.

    `scaled` says that JPEGs may be decoded as small as the model allows; spaces made before there was such a thing
    are not, and stay what they are.

    Raises ConfigurationError, one sentence, for an unknown provider or model and for unreadable weights.
    """
    if name.provider == "remote_clip":
        return _remote_space(name)
    if name.provider != "open_clip":
        raise ConfigurationError(
            f"`{name}` is no image space: write open_clip/MODEL@TAG, open_clip/local:FOLDER, open_clip/demo"
            " or remote_clip/MODEL@DIMENSIONS."
        )
    source = find_clip_source(name)
    preparation = _canonical(
        {
            "model": _digest(_canonical(source.model_config)),
            "panels": PANEL_SHAPING,
            "precision": precision,
            "preprocess": source.preprocess or "open_clip's own",
            **({"decoding": PANEL_DECODING} if scaled else {}),
        }
    )
    if source.weights is None:
        model, revision = source.name, str(source.tag)
        readable = space_key("open-clip", model, revision)
    else:
        kind = DEMO_MODEL if name.model == DEMO_MODEL else "local"
        # The path is left out: weights that are moved or renamed are still the same space.
        model, revision = kind, "sha256:" + weights_hash(source.weights, cache_folder)
        readable = space_key("open-clip", kind)
    identity = _digest(f"{revision}\n{preparation}")[:8]
    key = space_key(readable, source.dimensions, identity)
    return Space(key, "image", "open_clip", model, revision, source.dimensions, preparation, None)


def space_precision(space: Space) -> Precision:
    """The precision that `space` was resolved with."""
    return "bf16" if json.loads(space.preparation).get("precision") == "bf16" else "fp32"


def resolve_again(name: SpaceName, space: Space, cache_folder: Path) -> Space:
    """What `name` stands for, computed and decoded for as `space` is: `space` itself when it was resolved from it."""
    return resolve_image_space(
        name, cache_folder=cache_folder, precision=space_precision(space), scaled=decodes_scaled(space)
    )


def decodes_scaled(space: Space) -> bool:
    """Whether JPEGs are decoded for `space` no larger than its model needs."""
    return "decoding" in json.loads(space.preparation)


def weights_hash(path: Path, cache_folder: Path) -> str:
    """Hex sha256 of a file; read again only when its size or modification time has changed."""
    try:
        status = path.stat()
        stamp = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        known = _read_cache(cache_folder)
        if stamp not in known:
            known[stamp] = file_digest(path)
            _write_cache(cache_folder, known)
        return known[stamp]
    except OSError as error:
        raise ConfigurationError(
            f"The weights {path} cannot be read ({error.strerror or error}): check the path and its permissions."
        ) from error


def remembered_name(space: Space, cache_folder: Path) -> SpaceName | None:
    """A name by which the local weights of `space` can still be opened, though no setting names them any more.

    Where they lay is known from the hashes in `cache_folder`; None when they are gone, or not as they were.
    """
    for stamp, digest in _read_cache(cache_folder).items():
        path = Path(stamp.rsplit("|", 2)[0])
        if space.revision != f"sha256:{digest}" or not path.exists():
            continue
        for written in (path.parent, path):
            name = SpaceName("open_clip", f"local:{written}")
            try:
                found = resolve_again(name, space, cache_folder)
            except ConfigurationError:
                continue
            if found.key == space.key:
                return name
    return None


def _remote_space(name: SpaceName) -> Space:
    stated = name.tag or ""
    config = architecture_config(name.model)
    dimensions = int(stated) if stated.isdecimal() else int(config["embed_dim"]) if config else None
    if dimensions is None:
        raise ConfigurationError(
            f"`{name}` lacks its number of dimensions: write `remote_clip/{name.model}@512`, for example."
        )
    preparation = _canonical({"panels": PANEL_SHAPING, "preprocess": "fitted into 1024, then the endpoint's own"})
    key = space_key("remote-clip", name.model, dimensions)
    return Space(key, "image", "remote_clip", name.model, "as deployed", dimensions, preparation, None)


def file_digest(path: Path) -> str:
    """Hex sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _read_cache(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / _HASH_CACHE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_cache(folder: Path, known: Mapping[str, str]) -> None:
    # A cache that cannot be written costs a hash at the next start, and nothing else.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=_HASH_CACHE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file)
        Path(temporary).replace(folder / _HASH_CACHE)
    except OSError:
        return


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=list)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
