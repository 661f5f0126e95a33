"""Removal of a novel whose files are gone."""

from dataclasses import dataclass

from morpheus_assets.services.connections import connected_engine
from morpheus_assets.services.content_location import novels_source, panels_source
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.novels import list_novels, remove_novel
from morpheus_assets.store.content.source_files import load_source_files
from morpheus_assets.store.database.errors import StoreError, UnknownNovel


class SourcesStillThere(StoreError):
    """A novel's files still lie in the content folder."""


@dataclass(frozen=True)
class Removal:
    """A novel that may be removed, and the question that names what goes with it."""

    novel: str
    question: str


def removable(settings: Settings, novel: str) -> Removal:
    """The removal of `novel`, to be confirmed; raises UnknownNovel, or SourcesStillThere with the files' names."""
    with_files: list[str] = []
    with connected_engine(settings) as engine:
        rows = list_novels(engine, [novel])
        for kind, source in (("text", novels_source(settings)), ("panel", panels_source(settings))):
            paths = [path for path, file in load_source_files(engine, kind).items() if file.novel == novel]
            with_files += [source.display_name(path) for path in sorted(source.exists(paths))]
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
    """Delete it; returns a sentence. Vectors that other novels share stay, the others are collected by upkeep."""
    with connected_engine(settings) as engine:
        remove_novel(engine, removal.novel)
    return (
        f"{removal.novel} is deleted. Its partition stays in Dagster's history; delete it in the UI under Assets >"
        " novels > Partitions if it should not be listed any more."
    )
