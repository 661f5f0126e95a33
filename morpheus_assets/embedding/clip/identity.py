"""The identity of a local image space: whose vectors it holds, from which weights and which preprocessing.

A hub model is identified by name, tag and open_clip's configuration, so that definitions load before anything
is downloaded; a local one by the hash of its weights. No torch and no network here.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from morpheus_assets.domain.spaces import Precision, Space, SpaceName, space_key
from morpheus_assets.embedding.clip.preprocessing import PANEL_DECODING, PANEL_SHAPINGS, SHAPING
from morpheus_assets.embedding.clip.sources import DEMO_MODEL, find_clip_source
from morpheus_assets.embedding.errors import ConfigurationError

_HASH_CACHE = "weights.json"
_BLOCK = 1 << 20


def resolve_clip_space(
    name: SpaceName,
    *,
    cache_folder: Path | None,
    precision: Precision = "fp32",
    scaled: bool = True,
    shaping: int = SHAPING,
) -> Space:
    """The space of `open_clip/…`; the hash of local weights is kept in `cache_folder` (None: nowhere).

    `scaled` says that JPEGs may be decoded as small as the model allows; spaces made before there was such a thing
    are not, and stay what they are, as those of an earlier `shaping` do. Raises ConfigurationError, one sentence, for
    an unknown model and for unreadable weights.
    """
    source = find_clip_source(name)
    preparation = _canonical(
        {
            "model": _digest(_canonical(source.model_config)),
            "panels": PANEL_SHAPINGS[shaping],
            "precision": precision,
            "preprocess": source.preprocess or "open_clip's own",
            **({"decoding": PANEL_DECODING} if scaled else {}),
            **({"regions": shaping} if shaping > 1 else {}),
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


def resolve_again(name: SpaceName, space: Space, cache_folder: Path | None) -> Space:
    """The space of `name` prepared as `space` is: `space` itself when it was resolved from it."""
    return resolve_clip_space(
        name,
        cache_folder=cache_folder,
        precision=space_precision(space),
        scaled=decodes_scaled(space),
        shaping=space.shaping,
    )


def decodes_scaled(space: Space) -> bool:
    """True when JPEGs are decoded for `space` no larger than its model needs."""
    return "decoding" in json.loads(space.preparation)


def weights_hash(path: Path, cache_folder: Path | None) -> str:
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


def find_name(space: Space, configured: Sequence[SpaceName], cache_folder: Path | None) -> SpaceName | None:
    """The name by which the weights of `space` can be opened, for the path of a checkpoint is no part of it.

    One of those `configured`; else, since a space may go on answering after the settings name another checkpoint,
    the place where the hashes in `cache_folder` say that its weights lay. None when they are gone, or not as they were.
    """
    for name in configured:
        if name.provider == space.provider and resolve_again(name, space, cache_folder).key == space.key:
            return name
    for stamp, digest in _read_cache(cache_folder).items():
        path = Path(stamp.rsplit("|", 2)[0])
        if space.revision != f"sha256:{digest}" or not path.exists():
            continue
        for written in (path.parent, path):
            name = SpaceName(space.provider, f"local:{written}")
            try:
                found = resolve_again(name, space, cache_folder)
            except ConfigurationError:
                continue
            if found.key == space.key:
                return name
    return None


def file_digest(path: Path) -> str:
    """Hex sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _read_cache(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    try:
        known = json.loads((folder / _HASH_CACHE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_cache(folder: Path | None, known: Mapping[str, str]) -> None:
    if folder is None:
        return
    # A cache that cannot be written costs a hash at the next start, and nothing else.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=_HASH_CACHE)
    except OSError:
        return
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file)
        Path(temporary).replace(folder / _HASH_CACHE)
    except OSError:
        with suppress(OSError):
            Path(temporary).unlink()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=list)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
