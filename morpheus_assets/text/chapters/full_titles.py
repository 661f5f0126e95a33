"""The full title of a chapter: its heading line, what it wraps on to, and the title under a number."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.lines import clean
from morpheus_assets.text.chapters.words import title_key

_LINE = re.compile(r"[^\n]*")
_BLOCK = re.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_MOST_LINES = 6
_LONGEST_TITLE = 300
_LONGEST_PART = 120
_LONGEST_CASELESS = 40
_FEWEST_TITLES, _FEWEST_REPEATED, _FEWEST_ALIKE = 3, 4, 5
_MOST_CHAPTERS, _NEARLY_ALL, _MOST_BELOW = 0.7, 0.85, 0.6
_LONGEST_LINE, _SHORTEST_PARAGRAPH = 80, 80
_GOES_ON = ",;:"
"""Ends of a letter's "Dear Father," and of a sentence that goes on."""
_STAGE = frozenset({"scene", "act"})
_EMPHASIS = re.compile(r"(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)")
_QUOTED = re.compile(r"[\"“‘«„](.+)[\"”’»“]")


@dataclass(frozen=True)
class TitlesBelow:
    """How a book prints its titles below the numbers of its chapters.

    `usual`: most numbers have a line below that may be a title; `lines`: nearly all have a single line there, before
    longer paragraphs; `apart`: what is below them stands further from the text than paragraphs do. `repeated` are the
    keys of what is printed below most ("Argument", "Chapter Summary") and names none of them.
    """

    usual: bool = False
    lines: bool = False
    apart: bool = False
    repeated: frozenset[str] = frozenset()


_NOT_KNOWN = TitlesBelow()


def full_title(text: str, hit: Hit, limit: int, below: TitlesBelow = _NOT_KNOWN) -> str:
    """Heading as one cleaned line; `limit` is where the next chapter starts, `below` what `titles_below` says."""
    return " ".join(_EMPHASIS.sub("", _title(text, hit, limit, below)).split())


def titles_below(heads: Sequence[tuple[str, Hit, int]]) -> TitlesBelow:
    """What all of a book tell of the lines below its numbers, and one cannot, being "The Old Mint." or "Do livro.".

    `heads` are (text, heading, where the next chapter starts).
    """
    alone = [
        (text, hit.end, limit)
        for text, hit, limit in heads
        if hit.parsed is not None and not hit.parsed.title and _block(text, hit.end, limit) == []
    ]
    blocks = [_next_block(*place) for place in alone]
    counts = Counter(_common_key(block) for block in blocks if block)
    many = max(_FEWEST_REPEATED, _MOST_BELOW * len(blocks))
    repeated = frozenset(key for key, count in counts.items() if count >= many)
    named = [place for place, block in zip(alone, blocks, strict=True) if _common_key(block) not in repeated]
    most = max(_FEWEST_TITLES, _MOST_CHAPTERS * len(named))
    usual = sum(_may_be_title(_next_block(*place)) for place in named) >= most
    single = [place for place in named if _line_below(*place)]
    longer = sum(len(_first_blocks(*place)[1]) >= _SHORTEST_PARAGRAPH for place in single)
    lines = len(single) >= max(_FEWEST_ALIKE, _NEARLY_ALL * len(named)) and longer * 2 >= len(single)
    apart = sum(_block_apart(*place) != [] for place in named) >= max(_FEWEST_ALIKE, _MOST_CHAPTERS * len(named))
    return TitlesBelow(usual, lines, apart, repeated)


def _common_key(lines: Sequence[str]) -> str:
    return title_key(" ".join(lines)).rstrip("0123456789")


def _title(text: str, hit: Hit, limit: int, below: TitlesBelow) -> str:
    block = _block(text, hit.end, limit)
    title = hit.text
    numbered_only = hit.parsed is not None and not hit.parsed.title
    if block is None:
        return title[:_LONGEST_TITLE]
    if block:
        ends = _is_sentence(" ".join(block)) if numbered_only else title.endswith((".", "!", "?", "”", '"'))
        # The markup may have named the lines below already.
        if not ends and not title_key(title).endswith(title_key(" ".join(block))):
            title = " ".join([_joined(title, numbered_only), *block])
        return title[:_LONGEST_TITLE]
    if numbered_only and hit.unit not in _STAGE:
        # below the number of a scene stands who enters
        title = (
            " ".join([_joined(title, True), *following]) if (following := _below(text, hit, limit, below)) else title
        )
    return title[:_LONGEST_TITLE]


def _below(text: str, hit: Hit, limit: int, below: TitlesBelow) -> list[str]:
    """The lines of the title below a number that stands alone, [] where the story begins."""
    lines = _next_block(text, hit.end, limit)
    if lines and _common_key(lines) in below.repeated:
        return []
    if lines and (_is_title(lines) or (below.usual and _may_be_title(lines))):
        return lines
    if below.lines and _line_below(text, hit.end, limit):
        return lines
    return _block_apart(text, hit.end, limit) if below.apart else []


def _first_blocks(text: str, position: int, limit: int) -> list[str]:
    return [match.group() for match in islice(_BLOCK.finditer(text, position, limit), 2)]


def _line_below(text: str, position: int, limit: int) -> bool:
    """True for a single short line before more text: all the chapters of a book do not begin so."""
    blocks = _first_blocks(text, position, limit)
    words = clean(blocks[0]) if len(blocks) == 2 and "\n" not in blocks[0] else ""
    opens = 0 < len(words) <= _LONGEST_LINE and words[0].isalnum() and not words[0].islower()
    if not opens or words[-1] in _GOES_ON:
        return False
    parsed = parse_heading(words)
    return parsed is None or (not parsed.unit and bool(parsed.title))


def _block_apart(text: str, position: int, limit: int) -> list[str]:
    """The lines of the block below, where it stands further from the text than the paragraphs after it do; else []."""
    found = list(islice(_BLOCK.finditer(text, position, limit), 4))
    if len(found) < 4 or not 0 < len(found[0].group()) <= _LONGEST_TITLE - 20:
        return []
    gaps = [text.count("\n", earlier.end(), later.start()) for earlier, later in pairwise(found)]
    if gaps[0] < 3 or max(gaps[1:]) >= gaps[0]:
        return []
    lines = [clean(line) for line in found[0].group().split("\n")]
    opens = lines[0][:1].isalpha() and not lines[0][0].islower()
    return lines if opens and lines[-1][-1:] not in _GOES_ON else []


def _joined(number: str, joins: bool) -> str:
    return number if not joins or number.endswith((".", ":", "—", "-")) else number + "."


def _block(text: str, position: int, limit: int, most: int = 4) -> list[str] | None:
    """The lines that follow directly; [] where a blank line follows, None where prose of `most` lines does."""
    lines: list[str] = []
    while position < limit and len(lines) < most:
        match = _LINE.match(text, position + 1)
        if match is None or not match.group().strip():
            return lines
        if len(match.group()) > _LONGEST_PART:
            return None
        lines.append(clean(match.group()))
        position = match.end()
    return lines if position >= limit else None


def _next_block(text: str, position: int, limit: int) -> list[str]:
    """The block after at most five blank lines."""
    match = re.compile(r"(?:\n[ \t\r\f]*){2,6}(?=\S)").match(text, position)
    if match is None or match.end() >= limit:
        return []
    begin = text.rfind("\n", 0, match.end())
    lines = _block(text, begin, limit, _MOST_LINES) or []
    return lines if len(lines) < 4 or _is_upper(" ".join(lines)) else []


def _is_sentence(words: str) -> bool:
    """True for the first sentence of a chapter that follows its number at once."""
    if not words.endswith((".", "!", "?", "…", "”", '"', "’")) or words.upper() == words:
        return False
    return words[0] in '"“‘«' or not _is_capitalised(words)


def _may_be_title(lines: list[str]) -> bool:
    """True for a short block that is either mostly in capitals or ends as no sentence does."""
    joined = " ".join(lines)
    quoted = _QUOTED.fullmatch(joined)
    words = quoted.group(1) if quoted else joined
    if quoted and words[-1] in ".,!?…" and words.upper() != words:
        return False
    if _is_number(words):
        return False
    if not words or _stands_as_text(words, len(lines)) or not words[0].isalnum() or words[0].islower():
        return False
    if words.upper() == words.lower():
        # what tells here is a sentence's capitals and full stop
        return False
    return words[-1] not in '.,;:!?…"”’»' or (words[-1] in ".!?" and _is_capitalised(words))


def _stands_as_text(words: str, lines: int) -> bool:
    """True for what is too long for a title, or begins like speech and ends like verse."""
    longest, most = (_LONGEST_TITLE - 20, _MOST_LINES) if _is_upper(words) else (160, 3)
    return len(words) > longest or words[0] in '"“‘«—-[' or words[-1] == "," or lines > most


def _is_upper(words: str) -> bool:
    return words.upper() == words and words.lower() != words


def _is_number(words: str) -> bool:
    """True for a number alone, which counts the sections of the chapter."""
    parsed = parse_heading(words)
    return parsed is not None and not parsed.unit and not parsed.title


def _is_capitalised(words: str) -> bool:
    """True if at least half of the longer words begin with a capital."""
    longer = [word for word in re.findall(r"[^\W\d_]+", words) if len(word) > 3]
    return sum(word[0].isupper() for word in longer) * 2 >= len(longer)


def _is_title(lines: list[str]) -> bool:
    joined = " ".join(lines)
    if not joined or _stands_as_text(joined, len(lines)):
        return False
    parsed = parse_heading(joined)
    if (parsed is not None and parsed.unit in ("scene", "section")) or _is_number(joined):
        return False
    if joined.upper() == joined.lower() and len(joined) > _LONGEST_CASELESS:
        # Without capitals, and in Thai without full stops too, only its length tells a title from a paragraph.
        return False
    if joined.upper() == joined and any(c.isalpha() for c in joined):
        return True
    every = re.findall(r"[^\W\d_]+", joined)
    words = [word for word in every if len(word) > 3] or every
    return (
        joined[-1] not in ".,;!?:。！？、，；："
        and all(w[0].isupper() or not w.isascii() for w in words)
        and bool(words)
    )
