"""The full title of a chapter: its heading line, what it wraps on to, and the title under a number."""

import re
from collections.abc import Sequence

from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.hits import Hit
from morpheus_assets.text.chapters.lines import clean
from morpheus_assets.text.chapters.words import title_key

_LINE = re.compile(r"[^\n]*")
_LONGEST_TITLE = 300
_LONGEST_PART = 120
_LONGEST_CASELESS = 40
_FEWEST_TITLES = 3
_MOST_CHAPTERS = 0.7
_EMPHASIS = re.compile(r"(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)")
_QUOTED = re.compile(r"[\"“‘«„](.+)[\"”’»“]")


def full_title(text: str, hit: Hit, limit: int, titled: bool = False) -> str:
    """Heading as one cleaned line; `limit` is where the next chapter starts.

    `titled` says that this book has its titles below its numbers (`has_titles_below`).
    """
    return " ".join(_EMPHASIS.sub("", _title(text, hit, limit, titled)).split())


def has_titles_below(heads: Sequence[tuple[str, Hit, int]]) -> bool:
    """True if most of the numbers that stand alone have a line below that is no paragraph of the story.

    `heads` are (text, heading, where the next chapter starts). What one such line cannot tell, being "The Old Mint."
    or "A letter with a postscript", all of a book do.
    """
    alone = [
        (text, hit.end, limit)
        for text, hit, limit in heads
        if hit.parsed is not None and not hit.parsed.title and _block(text, hit.end, limit) == []
    ]
    titled = sum(_may_be_title(_next_block(*place)) for place in alone)
    return titled >= max(_FEWEST_TITLES, _MOST_CHAPTERS * len(alone))


def _title(text: str, hit: Hit, limit: int, titled: bool) -> str:
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
    if numbered_only:
        following = _next_block(text, hit.end, limit)
        if following and (_is_title(following) or (titled and _may_be_title(following))):
            title = " ".join([_joined(title, True), *following])
    return title[:_LONGEST_TITLE]


def _joined(number: str, joins: bool) -> str:
    return number if not joins or number.endswith((".", ":", "—", "-")) else number + "."


def _block(text: str, position: int, limit: int) -> list[str] | None:
    """The lines that follow directly; [] where a blank line follows, None where prose does."""
    lines: list[str] = []
    while position < limit and len(lines) < 4:
        match = _LINE.match(text, position + 1)
        if match is None or not match.group().strip():
            return lines
        if len(match.group()) > _LONGEST_PART:
            return None
        lines.append(clean(match.group()))
        position = match.end()
    return lines if position >= limit else None


def _next_block(text: str, position: int, limit: int) -> list[str]:
    """The block after at most three blank lines."""
    match = re.compile(r"(?:\n[ \t\r\f]*){2,4}(?=\S)").match(text, position)
    if match is None or match.end() >= limit:
        return []
    begin = text.rfind("\n", 0, match.end())
    return _block(text, begin, limit) or []


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
    if not words or _stands_as_text(words, len(lines)) or not words[0].isalnum() or words[0].islower():
        return False
    if words.upper() == words.lower():
        # what tells here is a sentence's capitals and full stop
        return False
    return words[-1] not in '.,;:!?…"”’»' or (words[-1] in ".!?" and _is_capitalised(words))


def _stands_as_text(words: str, lines: int) -> bool:
    """True for what is too long for a title, or begins like speech and ends like verse."""
    return len(words) > 160 or words[0] in '"“‘«—-' or words[-1] == "," or lines > 3


def _is_capitalised(words: str) -> bool:
    """True if at least half of the longer words begin with a capital."""
    longer = [word for word in re.findall(r"[^\W\d_]+", words) if len(word) > 3]
    return sum(word[0].isupper() for word in longer) * 2 >= len(longer)


def _is_title(lines: list[str]) -> bool:
    joined = " ".join(lines)
    if not joined or _stands_as_text(joined, len(lines)):
        return False
    parsed = parse_heading(joined)
    if parsed is not None and parsed.unit in ("scene", "section"):
        return False
    if joined.upper() == joined.lower() and len(joined) > _LONGEST_CASELESS:
        # Without capitals, and in Thai without full stops too, only its length tells a title from a paragraph.
        return False
    if joined.upper() == joined and any(c.isalpha() for c in joined):
        return True
    every = re.findall(r"[^\W\d_]+", joined)
    words = [word for word in every if len(word) > 3] or every
    return joined[-1] not in ".,;!?:" and all(w[0].isupper() or not w.isascii() for w in words) and bool(words)
