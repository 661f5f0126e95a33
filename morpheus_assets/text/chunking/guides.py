"""The text as the splitter should see it, letter for letter in the same places, with its false boundaries removed.

A change here moves the ends of chunks (chunks.py), so it needs RULES_VERSION raised.
"""

import re

_ENDS = ".!?:;…。．！？；：」』”’\"')]）】》*—–-"
_NO_WRAP = re.escape(_ENDS) + r"\s"
_WRAP = re.compile(rf"(?<![{_NO_WRAP}])([ \t]*)\n(?=[ \t]*[^\s])")
# Where no line ends in blanks this finds the same, many times as fast: it begins with a letter to look for.
_CLEAN_WRAP = re.compile(rf"\n(?<![{_NO_WRAP}]\n)(?=[ \t]*[^\s])")
_BLANK = re.compile(r"\n[ \t]*\n\s*")
# What the splitter surely takes for the end of a sentence; it weighs longer stretches word by word, in time that
# grows with their square (1 MB without a full stop took minutes), so those get a boundary every 4,000 letters.
# One without a line break is found alike wherever the search begins.
_SENTENCE_END = r"[!?。！？．]+|\.[\"”’')]*\s+[\"“‘(]*[A-Z]"
_SURE_END = re.compile(rf"\n|{_SENTENCE_END}")
_ANCHOR = re.compile(_SENTENCE_END)
_STRETCH, _ROOM = 4000, 200
# By length, for a pattern that looks back must know how far.
_ABBREVIATIONS = (
    "[A-Z]", "Mr|Ms|Dr|St|Lt|No|MM|Hr|Fr|Sr", "Mrs|Rev|Col|Gen|Sgt|Hon|Esq|Mme|Sra|Vol", "Prof|Capt|Mlle",
    "Lieut|Mlles", "Messrs",
)  # fmt: skip
_ABBREVIATION = re.compile(r"\.(?=\s)(?:" + "|".join(rf"(?<=\b(?:{words})\.)" for words in _ABBREVIATIONS) + ")")


def guide_of(body: str) -> str:
    """`body` as the splitter should see it, character for character in the same places.

    A line that merely wraps is no boundary (else passages end in mid-sentence, at the margin), three blank lines
    are no stronger than one (else a heading stands alone), and "Mr." ends no sentence.
    """
    guide = _BLANK.sub(lambda gap: "\n\n" + " " * (len(gap.group()) - 2), body)
    if guide[:1].isspace() or " \n" in guide or "\t\n" in guide:
        guide = _WRAP.sub(lambda wrap: wrap.group(1) + " ", guide)
    else:
        guide = _CLEAN_WRAP.sub(" ", guide)
    return _ABBREVIATION.sub(",", guide)


def _may_have_stretch(guide: str) -> bool:
    """False when ends of sentences are surely near enough, told by looking at one in many of them."""
    last = 0
    while len(guide) - last > 2 * _STRETCH:
        found = _ANCHOR.search(guide, last + _STRETCH)
        if found is None or found.end() - last > 2 * _STRETCH:
            return True
        last = found.end()
    return False


def bounded(guide: str) -> str:
    """The guide itself, or one with a line break in every stretch that is too long to weigh."""
    if not _may_have_stretch(guide):
        return guide
    pieces: list[str] = []
    done = last = 0
    for end in (*(found.end() for found in _SURE_END.finditer(guide)), len(guide)):
        while end - last > 2 * _STRETCH:
            last += _STRETCH
            blank = guide.find(" ", last, last + _ROOM)
            last = blank if blank >= 0 else last
            pieces += (guide[done:last], "\n")
            done = last + 1
        last = end
    return "".join(pieces) + guide[done:] if pieces else guide
