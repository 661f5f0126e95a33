"""Traces that printed pages leave in a text: page numbers, running heads, words broken at line ends.

Nothing is touched unless the text shows that it comes from pages: numbers that count on and interrupt sentences, lines
that return at every page, broken words of which the text knows the whole. Reading the file is readers/plain.py's.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

Anchor = tuple[int, int]
"""Offset in the new text, offset in the old one."""

_PAGE = r"(?:(?:page|pages|pg|p|seite|página|pagina|страница|стр|с)\b\.?\s*)?"
_OF = r"\s*(?:of|/|von|de|di|sur|из)\s*\d{1,4}"
_NUMBER = re.compile(rf"[\s\-–—~•·|\[({{<*]*{_PAGE}(\d{{1,4}})(?:{_OF})?[\s\-–—~•·|\])}}>*.]*", re.I)
# Browsers print "7/138" behind an address and "7 of 138" before a date, which begins with a number itself.
_SEPARATOR = r"[\s|·•–—\-]+"
_HEAD_THEN_NUMBER = re.compile(
    rf"\s*(\S.{{0,400}}?\S){_SEPARATOR}{_PAGE}(\d{{1,4}}){_OF}\s*"
    rf"|\s*(\D.{{0,70}}?\S){_SEPARATOR}{_PAGE}\[?(\d{{1,4}})\]?\s*",
    re.I,
)
_NUMBER_THEN_HEAD = re.compile(
    rf"\s*{_PAGE}(\d{{1,4}}){_OF}{_SEPARATOR}(\S.{{0,400}})"
    rf"|\s*\[?(\d{{1,4}})\]?{_SEPARATOR}([^\d\s].{{0,70}})",
    re.I,
)
_ADDRESS = re.compile(r"\b(?:https?|file)://\S+")
_DIGIT = re.compile(r"\d")
# As browsers print it at the top of each page, before the title: "11/28/26, 10:23 PM", "28.11.2026, 22:23".
_TIME = re.compile(r"\d{1,4}[./-] ?\d{1,2}[./-] ?\d{1,4}\.?,? (?:\S{2} )?\d{1,2}[:.]\d{2}(?: ?[AP]M)?\b")
_ENDED = re.compile(r"[.!?:;…。！？」』”’\"')\]*»—]\s*$|--\s*$")
_NEAR_LINES, _MIN_PAGE_LINES, _MAX_STEP = 2, 4, 4
_MIN_PAGES, _MIN_RETURNS = 4, 4
_INTERRUPTS, _AT_PAGES = 0.2, 0.3
_LONGEST_HEAD = 80

_HYPHENS = frozenset("-‐¬\xad")
_HYPHEN = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)?)([-‐¬\xad])$")
# A hyphen that opens the next line was put there by the writer.
_GOES_ON = re.compile(r"[ \t]*(-?)([^\W\d_]+(?:['’][^\W\d_]+)?)([^\s]*)")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_MIN_BROKEN, _BROKEN_SHARE = 4, 0.4
_OFTEN, _TOO_OFTEN, _SHORT_LINE = 0.005, 0.4, 30
_MANY, _FEW_WHOLE, _MOSTLY_WHOLE = 12, 0.08, 0.25


@dataclass
class Cleaned:
    """A text without traces of pages, anchors back into the text as it was, and sentences about what was done."""

    text: str
    anchors: list[Anchor] = field(default_factory=lambda: [(0, 0)])
    repairs: tuple[str, ...] = ()


def without_page_traces(text: str, page_starts: Iterable[int] = ()) -> Cleaned:
    """`text` without what only the pages needed; `page_starts` are numbers of lines that are known to begin a page."""
    lines = text.split("\n")
    pages = _Pages(lines, set(page_starts))
    gone = pages.gone()
    if len(gone) > 0.2 * len(lines):
        gone = {}
    broken = _broken_words(lines, gone)
    if not gone and not broken:
        return Cleaned(text)
    cleaned = _written(lines, gone, broken)
    counts = Counter(gone.values())
    done = [f"{counts['number']:,} page numbers"] if counts["number"] else []
    done += [f"{counts['head']:,} running heads"] if counts["head"] else []
    repairs = (f"{' and '.join(done)} of printed pages were left out.",) if done else ()
    if broken:
        repairs = (*repairs, f"{len(broken):,} words that were broken at line ends were joined.")
    cleaned.repairs = repairs
    return cleaned


class _Pages:
    """Which lines are page numbers and running heads."""

    def __init__(self, lines: Sequence[str], starts: set[int]) -> None:
        self.lines = lines
        self.starts = starts
        self.full = [i for i, line in enumerate(lines) if line.strip()]
        self.place = {line: place for place, line in enumerate(self.full)}
        self.like_heads = {i: line for i in self.full if _like_a_head(line := lines[i].strip())}
        self.returns: Counter[str] = Counter()
        self.first: dict[str, int] = {}
        for i, line in self.like_heads.items():
            key = _key(line)
            self.returns[key] += 1
            self.first.setdefault(key, i)

    def gone(self) -> dict[int, str]:
        """Line → "number", "head", or "blank" for the empty lines around them that part a sentence."""
        numbers = self._numbers()
        edges = self._edges(numbers)
        heads = self._heads(numbers, edges) if len(edges) >= _MIN_PAGES else self._returning()
        gone = dict.fromkeys(numbers, "number") | dict.fromkeys(heads, "head")
        return gone | self._blanks(gone)

    def _numbers(self) -> set[int]:
        """Lines with numbers that count on page by page, if they interrupt sentences as no heading does."""
        found: list[tuple[int, int]] = []
        with_head: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for i in self.full:
            line = self.lines[i]
            if _is_longer(line, _LONGEST_HEAD + 10) or not _DIGIT.search(line):
                continue
            if match := _NUMBER.fullmatch(line):
                found.append((i, int(match[1])))
            elif match := _HEAD_THEN_NUMBER.fullmatch(line):
                head, number = match[1] or match[3], match[2] or match[4]
                with_head[_key(head)].append((i, int(number)))
            elif match := _NUMBER_THEN_HEAD.fullmatch(line):
                number, head = match[1] or match[3], match[2] or match[4]
                with_head[_key(head)].append((i, int(number)))
        for key, returns in with_head.items():
            # "Chapter 5" counts on as well.
            counts_on = len(key) > 2 and len(_longest_count(returns)) >= max(_MIN_RETURNS, 0.6 * len(returns))
            if counts_on and self._interrupting([i for i, _ in returns]):
                found += returns
        found.sort()
        chain = _longest_count(found)
        if len(chain) < _MIN_PAGES or not self._interrupting([i for i, _ in chain], known=True):
            return set()
        # Pages of a few lines and the first and last ones fit between or beside the others.
        lines, values = [i for i, _ in chain], [number for _, number in chain]
        numbers = set(lines)
        for i, number in found:
            at = bisect_left(lines, i)
            low = values[at - 1] if at else 0
            high = values[at] if at < len(values) else values[-1] + _MAX_STEP
            if low < number < high:
                numbers.add(i)
        return numbers

    def _interrupting(self, lines: Sequence[int], *, known: bool = False) -> bool:
        at_starts = sum(line in self.starts or line + 1 in self.starts or line + 2 in self.starts for line in lines)
        count = sum(self._interrupts(line) for line in lines)
        return (known and at_starts > 0.5 * len(lines)) or (count >= 2 and count >= _INTERRUPTS * len(lines))

    def _interrupts(self, line: int) -> bool:
        """True if a sentence that begins before a line goes on after it; lines that return may stand between."""
        place = self.place[line]
        before = next((text for text in map(self._prose, reversed(self.full[max(place - 3, 0) : place])) if text), "")
        after = next((text for text in map(self._prose, self.full[place + 1 : place + 4]) if text), "")
        return len(before) > 25 and not _ENDED.search(before) and before[-1] != "," and after[:1].islower()

    def _prose(self, line: int) -> str:
        text = self.lines[line].strip()
        return "" if _NUMBER.fullmatch(text) or (_like_a_head(text) and self.returns[_key(text)] > 2) else text

    def _edges(self, numbers: set[int]) -> dict[int, int]:
        """Full lines at the top or foot of a page → the page."""
        edges: dict[int, int] = {}
        marks = sorted({*numbers, *(start for start in self.starts if start < len(self.lines))})
        for page, mark in enumerate(marks):
            place = self.place.get(mark)
            if place is None:
                place = next(
                    (self.place[i] for i in range(mark, min(mark + 4, len(self.lines))) if i in self.place), -1
                )
            if place < 0:
                continue
            for i in self.full[max(place - _NEAR_LINES, 0) : place + _NEAR_LINES + 1]:
                if i not in numbers:
                    edges.setdefault(i, page)
        return edges

    def _heads(self, numbers: set[int], edges: dict[int, int]) -> set[int]:
        by_text: dict[str, list[int]] = defaultdict(list)
        for i in edges:
            key = _key(self.lines[i])
            if len(key) > 2 and i in self.like_heads:
                by_text[key].append(i)
        pages = max(len(set(edges.values())), 1)
        returning = {key: places for key, places in by_text.items() if len(places) > 1}
        if sum(map(len, returning.values())) < _AT_PAGES * pages:
            return set()
        heads: set[int] = set()
        for key, places in returning.items():
            places.sort()
            whole_book = len(places) >= max(_MIN_RETURNS, 0.25 * pages)
            # The first of a chapter's heads is its heading, unless it stands within a sentence or was there before.
            first = places[0]
            earlier = self.first[key] < first
            keep = not (whole_book and self.place[first] > 10) and not earlier and not self._interrupts(first)
            heads.update(places[1:] if keep else places)
        return heads

    def _returning(self) -> set[int]:
        """Without numbers: one line that returns again and again within sentences."""
        by_text: dict[str, list[int]] = defaultdict(list)
        for i, text in self.like_heads.items():
            if len(text) > 2:
                by_text[text].append(i)
        heads: set[int] = set()
        for places in by_text.values():
            if len(places) < _MIN_RETURNS:
                continue
            within = [i for i in places if self._interrupts(i)]
            if len(within) >= max(3, 0.5 * len(places)):
                heads.update(i for i in places if i in within or i != places[0])
        return heads

    def _blanks(self, gone: dict[int, str]) -> dict[int, str]:
        """Empty lines around what is gone: all where a sentence goes on, else all but one."""
        blanks: dict[int, str] = {}
        done = -1
        for i in sorted(gone):
            if i <= done:
                continue
            first, last = i, i
            while first > 0 and (first - 1 in gone or not self.lines[first - 1].strip()):
                first -= 1
            while last + 1 < len(self.lines) and (last + 1 in gone or not self.lines[last + 1].strip()):
                last += 1
            done = last
            empty = [line for line in range(first, last + 1) if line not in gone]
            before = self.lines[first - 1].rstrip() if first else ""
            after = self.lines[last + 1].lstrip() if last + 1 < len(self.lines) else ""
            goes_on = (
                before and after and not _ENDED.search(before) and (after[:1].islower() or before[-1] in "-,¬\xad")
            )
            kept = 0 if goes_on else 2 if _is_short(after) else 1
            blanks |= dict.fromkeys(empty[kept:], "blank")
        return blanks


def _like_a_head(line: str) -> bool:
    """True for a short line that neither goes on with a sentence nor ends one, and for a browser's time and title."""
    if line[:1].isdecimal() and _TIME.match(line):
        return True
    if not line or _is_longer(line, _LONGEST_HEAD) or line[0].islower() or line[-1] in ",;:!?-”\"'’":
        return False
    return line[-1] != "." or line.isupper() or any(map(str.isdigit, line))


def _is_longer(line: str, most: int) -> bool:
    """True for a line of more than so many characters, of which an address counts for a few."""
    return len(line) > most and ("://" not in line or len(_ADDRESS.sub("://", line)) > most)


def _is_short(line: str) -> bool:
    return 0 < len(line) < 40


def _key(text: str) -> str:
    # A printed address has gaps where its letters stand wide, on one page and not on the next.
    between = "" if "://" in text else " "
    return between.join(text.split()).casefold().strip(" -–—|·•[]().*_")


def _longest_count(found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of (line, number) whose numbers go up in small steps, each a page's height below the last."""
    best: dict[int, tuple[int, int, int]] = {}
    chains: list[tuple[int, int]] = []
    for index, (line, number) in enumerate(found):
        length, previous = 1, -1
        for step in range(1, _MAX_STEP + 1):
            if (before := best.get(number - step)) and line - before[1] >= _MIN_PAGE_LINES and before[0] >= length:
                length, previous = before[0] + 1, before[2]
        chains.append((length, previous))
        if number not in best or length >= best[number][0]:
            best[number] = (length, line, index)
    if not chains:
        return []
    at = max(range(len(chains)), key=lambda index: chains[index][0])
    run = []
    while at >= 0:
        run.append(found[at])
        at = chains[at][1]
    return run[::-1]


def _broken_words(lines: Sequence[str], gone: dict[int, str]) -> dict[int, tuple[int, bool]]:
    """Line → (line on which its last word goes on, is its hyphen the printer's?), where the text breaks words."""
    kept = [i for i in range(len(lines)) if i not in gone]
    pairs: list[tuple[int, int, str, str, str]] = []
    for here, there in pairwise(kept):
        if lines[here].rstrip()[-1:] not in _HYPHENS:
            continue
        end, start = _HYPHEN.search(lines[here].rstrip()), _GOES_ON.match(lines[there])
        if end and start and (start[2][0].islower() or end[2] != "-"):
            pairs.append((here, there, end[1], end[2], start[2]))
    if len(pairs) < _MIN_BROKEN:
        return {}
    broken_at = {pair[0]: pair[1] for pair in pairs}
    words, compounds = _words(lines, kept, broken_at)
    joined: dict[int, tuple[int, bool]] = {}
    for here, there, first, mark, second in pairs:
        whole, compound = (first + second).casefold(), f"{first}-{second}".casefold()
        if lines[there].lstrip().startswith("-"):
            joined[here] = (there, False)
        elif mark != "-" or (words[whole] and words[whole] >= compounds[compound]):
            joined[here] = (there, True)
        else:
            # Of two words that stand alone elsewhere the hyphen may be the writer's: to keep it corrupts nothing.
            both = words[first.casefold()] and words[second.casefold()]
            joined[here] = (there, not both and not compounds[compound])
    different = {(first, second): joined[here][1] for here, _, first, _, second in pairs}
    printed = sum(different.values())
    if printed < _MIN_BROKEN or printed < _BROKEN_SHARE * len(different):
        return {}
    # Verses may end within words (Cervantes' "cabo roto"): few lines of the book, and no word that stands elsewhere.
    known = sum(words[(first + second).casefold()] > 0 for first, second in different)
    full = sum(1 for i in kept if len(lines[i].strip()) > _SHORT_LINE)
    often = _OFTEN * full <= len(pairs) <= _TOO_OFTEN * len(kept)
    common = often and (len(different) < _MANY or known >= _FEW_WHOLE * len(different))
    return joined if common or known >= _MOSTLY_WHOLE * len(different) else {}


def _words(lines: Sequence[str], kept: Sequence[int], broken: dict[int, int]) -> tuple[Counter[str], Counter[str]]:
    """Words and compounds with a hyphen, of all that is not broken itself."""
    goes_on = set(broken.values())

    def whole() -> Iterator[list[str]]:
        for i in kept:
            found = _WORD.findall(lines[i])
            yield found[i in goes_on : len(found) - (i in broken)] if found else found

    # Counted within the library: word by word here it took a third of what reading a long novel does.
    counts = Counter(map(str.casefold, chain.from_iterable(whole())))
    compounds = Counter({word: count for word, count in counts.items() if "-" in word})
    return Counter({word: count for word, count in counts.items() if "-" not in word}), compounds


def _written(lines: Sequence[str], gone: dict[int, str], broken: dict[int, tuple[int, bool]]) -> Cleaned:
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    pieces: list[str] = []
    anchors: list[Anchor] = [(0, 0)]
    length = 0
    taken: dict[int, int] = {}

    def put(piece: str, origin: int) -> None:
        nonlocal length
        if anchors[-1][1] - anchors[-1][0] != origin - length:
            anchors.append((length, origin))
        pieces.append(piece)
        length += len(piece)

    written = False
    for i, line in enumerate(lines):
        if i in gone:
            continue
        start = taken.get(i, 0)
        rest = line[start:]
        if start and not rest.strip():
            continue
        lead = len(rest) - len(rest.lstrip(" ")) if start else 0
        if written:
            put("\n", max(starts[i] + start + lead - 1, 0))
        written = True
        rest, origin = rest[lead:], starts[i] + start + lead
        if i not in broken:
            put(rest, origin)
            continue
        there, printers = broken[i]
        body = rest.rstrip()
        put(body[:-1] if printers else body, origin)
        goes_on = _GOES_ON.match(lines[there])
        word = goes_on[2] + goes_on[3] if goes_on else ""
        skip = goes_on.start(2) if goes_on else 0
        # A word that goes on and is broken again joins at its own line.
        if there in broken and skip + len(word) >= len(lines[there].rstrip()):
            taken[there] = skip
            written = False
            continue
        put(word, starts[there] + skip)
        taken[there] = skip + len(word)
    return Cleaned("".join(pieces), anchors)
