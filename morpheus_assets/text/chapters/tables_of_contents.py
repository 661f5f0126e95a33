"""Chapters as a book's own table of contents (EPUB nav or NCX) names them: which of its levels they are.

What it points to is read in hints.py. Lists of chapters printed in the text are contents_lists.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from morpheus_assets.text.chapters.boilerplate import Body
from morpheus_assets.text.chapters.divisions import Division, measure
from morpheus_assets.text.chapters.heading import CONTAINERS
from morpheus_assets.text.chapters.hints import Marked, without_title_page
from morpheus_assets.text.chapters.hits import Hit

_LONGEST_STORY = 80_000
_SHORTEST_CHAPTER = 2_000
_MOSTLY_LEAVES = 2
_INNER = frozenset({"scene", "section", "poem"})


@dataclass
class _Entry:
    hit: Hit
    level: int
    end: int
    role: str
    children: list["_Entry"] = field(default_factory=list)

    @property
    def length(self) -> int:
        return self.end - self.hit.start

    @property
    def unit(self) -> str:
        return self.hit.parsed.unit if self.hit.parsed else ""


def listed_division(marked: Sequence[Marked], story: Body) -> Division | None:
    """The chapters that the table of contents names, None where it names fewer than two or little of the book."""
    entries = _tree([m for m in marked if m.listed], story.end)
    chosen = sorted((hit for hit in _chapters(entries) if hit.matter is None), key=lambda hit: hit.start)
    heads = without_title_page(chosen, marked, story.end)
    if len(heads) < 2:
        return None
    division = measure(heads, "title", "toc", story)
    return division if division.coverage >= 0.6 and division.usual_length >= 200 else None


def _tree(listed: Sequence[Marked], end: int) -> list[_Entry]:
    roots: list[_Entry] = []
    open_entries: list[_Entry] = []
    for entry in (_Entry(m.hit, m.listed, end, m.role) for m in listed):
        while open_entries and open_entries[-1].level >= entry.level:
            open_entries.pop().end = entry.hit.start
        (open_entries[-1].children if open_entries else roots).append(entry)
        open_entries.append(entry)
    return roots


def _chapters(entries: Sequence[_Entry]) -> list[Hit]:
    holders = [entry for entry in entries if entry.children]
    leaves = sum(not entry.children and entry.hit.matter is None for entry in entries)
    # among stories, most of which have none, a story's own chapters are its sections
    stories = leaves >= _MOSTLY_LEAVES * len(holders)
    opened = [entry for entry in holders if _is_named_part(entry) or (not stories and _holds_named_chapters(entry))]
    # An epilogue whose chapters are numbered as those of the parts are holds chapters too.
    families = {child.hit.family for entry in opened for child in entry.children if child.hit.parsed is not None}
    opened += [e for e in holders if e not in opened and all(child.hit.family in families for child in e.children)]
    others = [entry for entry in holders if entry not in opened]
    opened += others if _hold_chapters(others, entries) else []
    heads: list[Hit] = []
    for entry in entries:
        heads.extend(_chapters(entry.children) if entry in opened else [entry.hit])
    return heads


def _is_named_part(entry: _Entry) -> bool:
    return entry.unit in CONTAINERS or entry.role == "part"


def _holds_named_chapters(entry: _Entry) -> bool:
    return any(child.role == "chapter" for child in entry.children)


def _hold_chapters(holders: Sequence[_Entry], siblings: Sequence[_Entry]) -> bool:
    """True if entries that are called neither book nor part hold chapters; scenes and sections are none."""
    children = [child for entry in holders for child in entry.children]
    if not children:
        return False
    units = [child.unit for child in children]
    if sum(unit not in ("", *_INNER, *CONTAINERS) for unit in units) * 2 > len(units):
        return sum(entry.unit == "" for entry in holders) * 2 > len(holders)
    if sum(unit in CONTAINERS for unit in units) * 2 > len(units):
        return True
    whole = sum(entry.length for entry in siblings if entry.hit.matter is None)
    if len(holders) == 1 and holders[0].length > 0.8 * whole:
        return True
    usual = sorted(entry.length for entry in holders)[len(holders) // 2]
    inner = sorted(child.length for child in children)[len(children) // 2]
    return usual > _LONGEST_STORY and inner >= _SHORTEST_CHAPTER and len(holders) * 2 > len(siblings)
