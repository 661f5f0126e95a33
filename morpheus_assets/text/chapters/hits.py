"""Heading candidates: a line's reading together with how it stands on the page. selection.py chooses."""

from dataclasses import dataclass

from morpheus_assets.text.chapters.grammar import might_be_heading, names_unit, parse_heading
from morpheus_assets.text.chapters.heading import Heading
from morpheus_assets.text.chapters.lines import LineTable, ShortLine, clean
from morpheus_assets.text.chapters.matter import matter_kind
from morpheus_assets.text.chapters.words import without_page_number

_LONGEST_LINE = 200
_SENTENCE_END = ",;.!?。，；！？、"
_QUOTES = "\"'“”‘’«»„「『"


@dataclass(slots=True)
class Hit:
    """A line that could head a chapter.

    `quality` is 0..1.2: how much it stands like a heading (alone, short, not prose); `shape` is what is printed
    before its unit or number and right after it. `family` groups the hits
    whose numbers may form one sequence. `matter` is what matter.matter_kind returns where there is no number.
    """

    start: int
    end: int
    text: str
    parsed: Heading | None
    quality: float
    before: int
    after: int
    matter: str | None = None
    leader: bool = False
    shape: tuple[str, str] = ("", "")

    @property
    def family(self) -> str:
        """Unit, or the style of a number that stands alone."""
        if self.parsed is None:
            return "matter"
        return self.parsed.unit or self.parsed.style

    @property
    def unit(self) -> str:
        """The word for the division, "" for a number alone or none."""
        return self.parsed.unit if self.parsed else ""

    @property
    def number(self) -> float | None:
        """The number as read, None where unknown."""
        return self.parsed.number if self.parsed else None


def title_hit(line: ShortLine) -> Hit:
    """A line that heads a chapter with a title and no number."""
    return Hit(line.start, line.end, clean(line.text), None, 1.0, line.before, line.after)


def find_hits(table: LineTable) -> list[Hit]:
    """Every line of the table that reads as a numbered heading or as named front or back matter, in order."""
    hits = []
    for line in table.lines:
        alone = line.before > 0 and line.after > 0
        if not (alone or might_be_heading(line.text)):
            continue
        if len(line.text) > _LONGEST_LINE and not (line.before and names_unit(line.text)):
            continue
        hit = read_hit(line, table.usual_gap)
        if hit is not None:
            hits.append(hit)
    return hits


def read_hit(line: ShortLine, usual_gap: int) -> Hit | None:
    """The line as a candidate, None where its words say that it is no heading."""
    words = clean(line.text)
    if not words:
        return None
    bare = without_page_number(words)
    leader = bare != words and (".." in words or "\t" in words or "  " in words or "…" in words or " . ." in words)
    matter = None
    parsed = None
    if len(words) <= 60:
        matter = matter_kind(words) or (matter_kind(bare) if leader else None)
    if matter is None:
        parsed = parse_heading(bare if leader else words)
        if parsed is None:
            return None
    quality = _quality(line, words, parsed, usual_gap)
    return Hit(
        line.start, line.end, words, parsed, quality, line.before, line.after, matter, leader, _shape(line.text, parsed)
    )


def _shape(raw: str, parsed: Heading | None) -> tuple[str, str]:
    if parsed is None:
        return ("", "")
    place = raw.find(parsed.label)
    after = raw[place + len(parsed.label) :] if place >= 0 else ""
    return (raw[:place].strip() if place >= 0 else "", after[:1].strip())


def _quality(line: ShortLine, words: str, parsed: Heading | None, usual_gap: int) -> float:
    if usual_gap:
        quality = 0.25 + (0.45 if line.before else 0) + (0.3 if line.after else 0)
        if line.before > usual_gap:
            quality += 0.15
    else:
        quality = 0.7
    if line.text[0] in _QUOTES:
        quality *= 0.4
    if parsed is None:
        return quality
    if not parsed.unit and not (line.before and line.after) and usual_gap:
        quality *= 0.6
    title = parsed.title
    if title:
        if not parsed.separated and title[0].islower():
            quality *= 0.3
        if (
            parsed.style == "cjk"
            and not parsed.separated
            and (len(words) > 30 or words[-1] in _SENTENCE_END or "，" in title or "。" in title or "．" in title[:4])
        ):
            quality *= 0.25
        if words[-1] in ",;":
            quality *= 0.6
        if len(words) > 120:
            quality *= 0.7
    return quality
