"""In which order pages are read by their names alone, and which of them are spreads; names in, names out.

Natural order, folder by folder; a cover without a number first, credits last, `0304` where 03 and 04 are missing.
"""

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

_COVER = re.compile(
    r"^[\W_]*(front[\W_]*)?(cover|couv|couverture|titel(bild|seite)?|umschlag|portada|copertina|capa|omslag|okladka"
    r"|обложка|表紙|封面|표지|folder|poster)(?![a-z])",
    re.I,
)
_BACK = re.compile(r"(back[\W_]*cover|cover[\W_]*back|4[\W_]*de[\W_]*couv)", re.I)
_CREDITS = re.compile(
    r"^(x|z)z+|^z[\W_]|credit|^[\W_]*(tag|scan(ner|ned|lat\w*)?|ripp?ed|proof|recruit\w*|note|thanks?|end|fin)[\W_]*$"
    r"|奥付|크레딧",
    re.I,
)


def page_order(names: Collection[str]) -> list[str]:
    """`names` (paths within a book, with forward slashes) in the order in which they are read."""
    prefixes, doubles = _numbered_prefixes(names), spreads(list(names))

    def key(name: str) -> tuple[object, ...]:
        # A spread stands where the first of its two numbers does.
        shown = _first_number(name) if name in doubles else name
        return _place(name, prefixes), natural_key(shown), name

    return sorted(names, key=key)


def spreads(names: Sequence[str]) -> set[str]:
    """Those of `names` whose number is two that follow each other and that no other page has: 0304, 03-04, 3_4."""
    numbers: dict[str, int] = {}
    doubles: dict[str, tuple[int, int]] = {}
    for name in names:
        stem = PurePosixPath(name).stem
        pair = re.search(r"(\d+)\s*[-_+&–]\s*(\d+)$", stem)
        run = re.search(r"(\d+)$", stem)
        if pair and int(pair[2]) == int(pair[1]) + 1:
            doubles[name] = (int(pair[1]), int(pair[2]))
        elif run:
            digits = run[1]
            numbers[name] = int(digits)
            half = len(digits) // 2
            if len(digits) % 2 == 0 and half > 1 and int(digits[half:]) == int(digits[:half]) + 1:
                doubles[name] = (int(digits[:half]), int(digits[half:]))
    known = {number for name, number in numbers.items() if name not in doubles}
    free = {name: pair for name, pair in doubles.items() if not known & set(pair)}
    found: set[str] = set()
    # Beside a page, or beside a spread that is one: spreads follow each other.
    while near := {name for name, (first, second) in free.items() if {first - 1, second + 1} & known} - found:
        found |= near
        known.update(number for name in near for number in free[name])
    return found


def natural_key(name: str) -> tuple[object, ...]:
    """Sort key that reads numbers as numbers, folder by folder; a name comes before the longer ones that it begins."""
    return natural_parts(name.removesuffix(PurePosixPath(name).suffix)), name


def natural_parts(path: str) -> tuple[tuple[int | str, ...], ...]:
    """The names of a path in a form in which their numbers are compared as numbers."""
    parts = (re.split(r"([0-9]+)", part.casefold()) for part in path.split("/"))
    return tuple(tuple(int(piece) if i % 2 else piece for i, piece in enumerate(pieces)) for pieces in parts)


def _first_number(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    stem = name.removesuffix(suffix)
    if re.search(r"\d\s*[-_+&–]\s*\d+$", stem):
        return name
    return re.sub(r"\d+$", lambda match: match[0][: len(match[0]) // 2], stem) + suffix


def role_of(name: str, first: bool) -> str:
    """ "cover" or "credits" by the name of a page, else ""; `first` says that it is the first of its book."""
    stem = PurePosixPath(name).stem
    if _BACK.search(stem):
        return "back cover"
    if _COVER.search(stem) or (first and not re.search(r"\d", stem)):
        return "cover"
    return "credits" if _CREDITS.search(stem) else ""


def _place(name: str, prefixes: Collection[str]) -> int:
    stem = PurePosixPath(name).stem
    if _BACK.search(stem):
        return 2
    if _COVER.search(stem):
        return -2
    if _CREDITS.search(stem):
        return 3
    return -1 if stem.casefold() in prefixes else 0


def _numbered_prefixes(names: Collection[str]) -> set[str]:
    """What stands before the numbers of other pages: `Two-in-One 7` beside `Two-in-One 7-01` is the cover."""
    found: dict[str, int] = {}
    for name in names:
        match = re.match(r"(.+?)[\s._-]+(?:p|page|pg)?\d+[a-z]?$", PurePosixPath(name).stem, re.I)
        if match:
            key = match[1].casefold()
            found[key] = found.get(key, 0) + 1
    return {prefix for prefix, count in found.items() if count > 1}
