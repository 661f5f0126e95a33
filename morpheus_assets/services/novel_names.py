"""The names of stored novels: those near a name that is not stored; and, with keys of spaces, a shell's completion."""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

_MOST = 3


def no_such_novel(novel: str, stored: Sequence[str]) -> str:
    """The sentence for a name that is not among the `stored` ones; names near it are part of it."""
    wanted = novel.casefold()
    near = difflib.get_close_matches(wanted, stored, n=_MOST, cutoff=0.6)
    near += [name for name in stored if wanted and wanted in name and name not in near][: _MOST - len(near)]
    said = f"No novel named {novel!r} is stored"
    return f"{said}; did you mean {' or '.join(map(repr, near))}?" if near else f"{said}."


def verify_stored(engine: "Engine", novels: Sequence[str]) -> None:
    """Raise UnknownNovel, with the names near it, for the first that is not stored."""
    from morpheus_assets.store.content.novels import list_novels
    from morpheus_assets.store.database.errors import UnknownNovel

    stored = [each.novel for each in list_novels(engine)] if novels else []
    for novel in novels:
        if novel not in stored:
            raise UnknownNovel(no_such_novel(novel, stored))


def spaces_beginning(settings: Settings, beginning: str) -> list[str]:
    """The keys of stored spaces that begin so; none while the database does not answer."""
    from morpheus_assets.services.connections import connected_engine
    from morpheus_assets.store.spaces.spaces import list_spaces

    try:
        with connected_engine(settings) as engine:
            return [each.key for each in list_spaces(engine) if each.key.startswith(beginning)]
    except Exception:
        return []


def names_beginning(settings: Settings, beginning: str) -> list[str]:
    """The stored novels whose name begins so; none while the database does not answer."""
    from morpheus_assets.services.connections import connected_engine
    from morpheus_assets.store.content.novels import list_novels

    try:
        with connected_engine(settings) as engine:
            return [each.novel for each in list_novels(engine) if each.novel.startswith(beginning)]
    except Exception:
        # a shell that completes a word shows no error
        return []
