"""Removal of a novel, or of its text or panels alone, once the files are gone, with its partitions in Dagster."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Engine

from morpheus_assets.services.configured_spaces import PARTITION_SETS, PARTITIONS_OF_BOTH
from morpheus_assets.services.connections import connected_engine
from morpheus_assets.services.content_location import novels_source, panels_source
from morpheus_assets.services.dagster_client import DagsterClient, DagsterRefused, DagsterUnavailable, dagster_url
from morpheus_assets.services.novel_names import no_such_novel
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.novels import list_novels, remove_novel
from morpheus_assets.store.content.panels import remove_panels
from morpheus_assets.store.content.source_files import load_source_files
from morpheus_assets.store.database.errors import StoreError, UnknownNovel

if TYPE_CHECKING:
    from morpheus_assets.sources.base import Source


Part = Literal["text", "panels"]


class SourcesStillThere(StoreError):
    """A novel's files still lie in the content folder."""


@dataclass(frozen=True)
class Removal:
    """A novel that may be removed, or `only` a part of it, and the question that names what goes with it.

    `files` are those that go first, by kind ("text", "panel"), relative to their source.
    """

    novel: str
    question: str
    only: Part | None = None
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)


def removable(settings: Settings, novel: str, engine: Engine | None = None) -> Removal:
    """The removal of `novel`, to be confirmed: of its text or its panels alone where only their files are gone.

    `engine` is a checked one, where the caller has it. Raises UnknownNovel, or SourcesStillThere with the files' names.
    """
    with connected_engine(settings) if engine is None else nullcontext(engine) as engine:
        return find_removal(engine, settings, novel)


def find_removal(
    engine: Engine, settings: Settings, novel: str, *, only: Part | None = None, with_files: bool = False
) -> Removal:
    """As `removable`; of a part alone if so asked for, and with the files that still lie there.

    Raises UnknownNovel, SourcesStillThere, and ContentUnreadable.
    """
    rows = list_novels(engine, [novel])
    sources = _sources(settings)
    there: dict[str, list[str]] = {}
    for kind, source in sources.items():
        paths = [path for path, file in load_source_files(engine, kind).items() if file.novel == novel]
        there[kind] = sorted(source.exists(paths))
    if not rows and not (with_files and any(there.values())):
        raise UnknownNovel(no_such_novel(novel, [each.novel for each in list_novels(engine)]))
    panels = sum(row.panels + row.refused_panels for row in rows)
    has_text = any(row.body_digest or row.refused_digest for row in rows)
    if only is None and not with_files:
        only = _part_without_files(there, has_text=has_text, has_panels=panels > 0)
    if only:
        kind, other = ("text", "panel") if only == "text" else ("panel", "text")
        there[other] = []
        if not (has_text if only == "text" else panels) and not there[kind]:
            raise UnknownNovel(f"No {only} of {novel} {'is' if only == 'text' else 'are'} stored.")
    if any(there.values()) and not with_files:
        raise _still_there(sources, there, novel)
    chapters, chunks = (rows[0].chapters, rows[0].chunks) if rows else (0, 0)
    of_text = f"{counted(chapters, 'chapter')}, {counted(chunks, 'chunk')}"
    if only == "panels":
        kept = " Its text stays." if rows and rows[0].body_digest is not None else ""
        question = f"Delete the {counted(panels, 'panel')} of {novel}, whose files are gone?{kept}"
    elif only == "text":
        kept = f" Its {counted(panels, 'panel stays', 'panels stay')}." if panels else ""
        question = f"Delete the text of {novel}, whose file is gone: {of_text}?{kept}"
    else:
        question = f"Delete {novel}: {of_text}, {counted(panels, 'panel')}?"
    return Removal(novel, question, only=only, files=there)


def _part_without_files(there: Mapping[str, Sequence[str]], *, has_text: bool, has_panels: bool) -> Part | None:
    """The part that is stored and whose files are gone, where it is the only one; None where nothing else stands."""
    if has_panels and not there["panel"] and (there["text"] or not has_text):
        return "panels"
    if has_text and not there["text"] and there["panel"]:
        return "text"
    return None


def remove_stored(settings: Settings, removal: Removal, engine: Engine | None = None) -> str:
    """Delete it; returns a sentence. Vectors that other novels share stay, the others are collected by upkeep."""
    with connected_engine(settings) if engine is None else nullcontext(engine) as engine:
        remove_rows(engine, settings, removal)
    return asyncio.run(_remove_from_dagster(settings, removal))


def remove_rows(engine: Engine, settings: Settings, removal: Removal) -> None:
    """Delete the files of a removal, then all that is stored of it."""
    sources = _sources(settings)
    for kind, paths in removal.files.items():
        sources[kind].delete(paths)
    if removal.only == "panels":
        remove_panels(engine, removal.novel)
    else:
        remove_novel(engine, removal.novel, only_text=removal.only == "text")


async def remove_partitions(client: DagsterClient, removal: Removal) -> str:
    """Delete the partitions of what was removed; returns a sentence."""
    said = _what_is_deleted(removal)
    try:
        purposes = {"panels": ["image"], "text": ["text"], None: ["text", "image"]}[removal.only]
        for name in (PARTITIONS_OF_BOTH, *(PARTITION_SETS[purpose] for purpose in purposes)):
            await client.delete_partitions(name, [removal.novel])
    except (DagsterRefused, DagsterUnavailable):
        return _without_dagster(said)
    return f"{said}, and so is its partition in Dagster."


def _what_is_deleted(removal: Removal) -> str:
    if removal.only == "text":
        return f"The text of {removal.novel} is deleted"
    return f"The panels of {removal.novel} are deleted" if removal.only else f"{removal.novel} is deleted"


def _without_dagster(said: str) -> str:
    return f"{said}. Dagster does not answer: its sensors drop the partition once it runs."


async def _remove_from_dagster(settings: Settings, removal: Removal) -> str:
    try:
        url = dagster_url(settings)
    except DagsterUnavailable:
        # it does not run at all, and nobody has named its webserver
        return _without_dagster(_what_is_deleted(removal))
    async with DagsterClient(url) as client:
        return await remove_partitions(client, removal)


def _sources(settings: Settings) -> "dict[str, Source]":
    return {"text": novels_source(settings), "panel": panels_source(settings)}


def _still_there(sources: "Mapping[str, Source]", there: Mapping[str, Sequence[str]], novel: str) -> SourcesStillThere:
    files = [sources[kind].display_name(path) for kind, paths in there.items() for path in paths]
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return SourcesStillThere(
        f"{files[0]}{more} would bring {novel} back at once; move it out of the content folder first."
    )
