"""The names of the assets that stand for a space in Dagster: its key without repetition, short enough to be read there.

A name follows from its space alone: no other space, setting or order changes it. Postgres and the commands know a space
by its whole key.
"""

import hashlib
import re

from morpheus_assets.domain.spaces import Space, space_key
from morpheus_assets.embedding.providers.registry import PROVIDERS

LONGEST = 28
ASSET_PREFIXES = {"text": "text_embeddings", "image": "clip_embeddings"}
# What the prefix says already.
_SAID = {"text": {"text", "embedding", "embeddings"}, "image": set[str]()}
# Tells apart the spaces of one model: weights, prefixes, revision.
_IDENTITY = re.compile(r"[0-9a-f]{6}|[0-9a-f]{8}")


def space_asset(space: Space) -> list[str]:
    """The path of the asset key of a space's vectors."""
    return [ASSET_PREFIXES[space.purpose], asset_name(space)]


def asset_name(space: Space) -> str:
    """The space's key in at most 28 characters: only as many words are left out as it takes.

    First what the provider's name repeats, then what the asset's prefix says, the provider, the publisher, and at last
    the model's first words, or for images what it was trained on. What may then be the name of another space too ends
    in a digest.
    """
    words = space.key.split("-")
    provider = space_key(space.provider).split("-")
    if words[len(provider) :][: len(provider)] == provider == words[: len(provider)]:
        words = words[len(provider) :]
    if _fits(words):
        return "-".join(words)
    end = []
    if _IDENTITY.fullmatch(words[-1]):
        end = [words.pop()[:4]]
    elif not _is_known(space):
        end = [hashlib.sha256(space.key.encode()).hexdigest()[:4]]
    if not _fits(words + end):
        words = [word for word in words if word not in _SAID[space.purpose]]
    for left_out in (provider, space_key(space.model.rpartition("/")[0]).split("-")):
        if not _fits(words + end) and words[: len(left_out)] == left_out:
            words = words[len(left_out) :]
    while not _fits(words + end) and len(words) > 1:
        del words[0 if space.purpose == "text" else -2]
    return "-".join(words + end)[-LONGEST:].lstrip("-")


def _is_known(space: Space) -> bool:
    spec = PROVIDERS.get(space.provider)
    return spec is not None and spec.model(space.model) is not None


def _fits(words: list[str]) -> bool:
    return len("-".join(words)) <= LONGEST
