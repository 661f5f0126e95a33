"""`morpheus remove`: deletes what is stored of a novel whose files are gone; files still there would bring it back."""

from dataclasses import dataclass

from morpheus_assets.connection import connected_engine
from morpheus_assets.content_location import novels_of, panels_of
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.novels import list_novels, remove_novel
from morpheus_assets.store.content.source_files import load_source_files
from morpheus_assets.store.database.errors import StoreError, UnknownNovel


class SourcesStillThere(StoreError):
    """A novel's files still lie in the content folder."""


@dataclass(frozen=True)
class Removal:
    """A novel that may be removed, and what goes with it."""

    novel: str
    question: str


def removable(settings: Settings, novel: str) -> Removal:
    """What removing `novel` would delete; raises UnknownNovel, or SourcesStillThere with the files' names."""
    with_files: list[str] = []
    with connected_engine(settings) as engine:
        rows = list_novels(engine, [novel])
        for kind, place in (("text", novels_of(settings)), ("panel", panels_of(settings))):
            paths = [path for path, file in load_source_files(engine, kind).items() if file.novel == novel]
            with_files += [place.shown(path) for path in sorted(place.there(paths))]
    if not rows:
        raise UnknownNovel(f"No novel named {novel!r} is stored; `morpheus search` names the novels that are.")
    if with_files:
        more = f" and {len(with_files) - 1} more" if len(with_files) > 1 else ""
        raise SourcesStillThere(
            f"{with_files[0]}{more} would bring {novel} back at once; move it out of the content folder first."
        )
    row = rows[0]
    return Removal(
        novel,
        f"Delete {novel}: {row.chapters} chapters, {row.chunks} chunks, {row.panels + row.refused_panels} panels?",
    )


def remove_stored(settings: Settings, removal: Removal) -> str:
    """Delete it; returns what to tell. Vectors that other novels share stay, the others are collected later."""
    with connected_engine(settings) as engine:
        remove_novel(engine, removal.novel)
    return (
        f"{removal.novel} is deleted. Its partition stays in Dagster's history; delete it in the UI under Assets >"
        " novels > Partitions if it should not be listed any more."
    )
