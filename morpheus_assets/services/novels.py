"""Removal of a novel, or of its panels alone, once the files are gone; its partitions in Dagster go with it."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from sqlalchemy import Engine

from morpheus_assets.services.configured_spaces import PARTITION_SETS
from morpheus_assets.services.connections import connected_engine
from morpheus_assets.services.content_location import novels_source, panels_source
from morpheus_assets.services.dagster_client import DagsterClient, DagsterRefused, DagsterUnavailable, dagster_url
from morpheus_assets.services.novel_names import no_such_novel
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.novels import list_novels, remove_novel
from morpheus_assets.store.content.panels import remove_panels
from morpheus_assets.store.content.source_files import load_source_files
from morpheus_assets.store.database.errors import StoreError, UnknownNovel


class SourcesStillThere(StoreError):
    """A novel's files still lie in the content folder."""


@dataclass(frozen=True)
class Removal:
    """A novel that may be removed, or its panels alone, and the question that names what goes with it."""

    novel: str
    question: str
    only_panels: bool = False


def removable(settings: Settings, novel: str, engine: Engine | None = None) -> Removal:
    """The removal of `novel`, to be confirmed: of its panels alone where only their files are gone.

    `engine` is a checked one, where the caller has it. Raises UnknownNovel, or SourcesStillThere with the files' names.
    """
    there: dict[str, list[str]] = {}
    with connected_engine(settings) if engine is None else nullcontext(engine) as engine:
        rows = list_novels(engine, [novel])
        known = [] if rows else [each.novel for each in list_novels(engine)]
        for kind, source in (("text", novels_source(settings)), ("panel", panels_source(settings))):
            paths = [path for path, file in load_source_files(engine, kind).items() if file.novel == novel]
            there[kind] = [source.display_name(path) for path in sorted(source.exists(paths))]
    if not rows:
        raise UnknownNovel(no_such_novel(novel, known))
    [row] = rows
    panels = row.panels + row.refused_panels
    if panels and not there["panel"] and (there["text"] or row.body_digest is None):
        kept = " Its text stays." if there["text"] else ""
        return Removal(novel, f"Delete the {panels} panels of {novel}, whose files are gone?{kept}", only_panels=True)
    with_files = [*there["text"], *there["panel"]]
    if with_files:
        more = f" and {len(with_files) - 1} more" if len(with_files) > 1 else ""
        raise SourcesStillThere(
            f"{with_files[0]}{more} would bring {novel} back at once; move it out of the content folder first."
        )
    return Removal(novel, f"Delete {novel}: {row.chapters} chapters, {row.chunks} chunks, {panels} panels?")


def remove_stored(settings: Settings, removal: Removal, engine: Engine | None = None) -> str:
    """Delete it; returns a sentence. Vectors that other novels share stay, the others are collected by upkeep."""
    with connected_engine(settings) if engine is None else nullcontext(engine) as engine:
        if removal.only_panels:
            remove_panels(engine, removal.novel)
        else:
            remove_novel(engine, removal.novel)
    said = f"The panels of {removal.novel} are deleted" if removal.only_panels else f"{removal.novel} is deleted"
    sets = [PARTITION_SETS["image"]] if removal.only_panels else sorted(PARTITION_SETS.values())
    try:
        asyncio.run(_delete_partitions(dagster_url(settings), sets, removal.novel))
    except (DagsterRefused, DagsterUnavailable):
        return f"{said}. Dagster does not answer: its sensors drop the partition once it runs."
    return f"{said}, and so is its partition in Dagster."


async def _delete_partitions(url: str, sets: Sequence[str], novel: str) -> None:
    client = DagsterClient(url)
    try:
        for name in sets:
            await client.delete_partitions(name, [novel])
    finally:
        await client.close()
