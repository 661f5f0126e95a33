"""The stored novels with what their passages and panels lack, for `morpheus novels`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from morpheus_assets.services.space_lifecycle import listed_spaces
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.novels import list_novels


@dataclass(frozen=True)
class StoredNovel:
    """One novel; `missing` are inputs without a vector, over the settings' spaces, `refused` the fault of its file."""

    novel: str
    title: str | None
    author: str | None
    language: str
    chapters: int
    passages: int
    panels: int
    missing: int
    refused_panels: int
    refused: str | None


def stored_novels(engine: Engine, settings: Settings) -> list[StoredNovel]:
    """Every stored novel, by name."""
    missing: Counter[str] = Counter()
    for listed in listed_spaces(engine, settings):
        if listed.place is not None:
            missing.update({each.novel: each.missing for each in listed.covered.novels})
    rows = sorted(list_novels(engine), key=lambda row: row.novel)
    return [
        StoredNovel(
            row.novel, row.title, row.author, row.language, row.chapters, row.chunks, row.panels, missing[row.novel],
            row.refused_panels, row.refused_reason,
        )
        for row in rows
    ]  # fmt: skip


def describe_novels(novels: Sequence[StoredNovel]) -> str:
    """A table for a person, with a line for each refused file under it."""
    if not novels:
        return "No novel is stored yet: drop one into the content folder and wait for its run."
    header = ("novel", "language", "chapters", "passages", "panels", "state")
    rows = [
        (each.novel, each.language, f"{each.chapters:,}", f"{each.passages:,}", f"{each.panels:,}", _state(each))
        for each in novels
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    numbers = {2, 3, 4}
    lines = [
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join([*lines, *(f"{each.novel}: {each.refused}" for each in novels if each.refused)])


def novel_as_json(novel: StoredNovel) -> dict[str, Any]:
    """For machines."""
    return {name: getattr(novel, name) for name in StoredNovel.__dataclass_fields__}


def _state(novel: StoredNovel) -> str:
    parts = [f"{novel.missing:,} missing"] if novel.missing else []
    parts += [f"{counted(novel.refused_panels, 'panel')} refused"] if novel.refused_panels else []
    parts += ["file refused"] if novel.refused else []
    return ", ".join(parts) or "whole"
