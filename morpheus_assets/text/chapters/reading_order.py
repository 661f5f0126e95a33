"""Order of the files of one novel by their names: numbers count, in digits or in words, and prefaces come first."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.lines import clean
from morpheus_assets.text.chapters.matter import matter_kind

_DIGITS = re.compile(r"([0-9]+)")
_FIRST, _FRONT, _OPENING, _INSIDE, _BESIDE, _ENDING, _LAST = range(7)
_PLACES = {
    **{"boilerplate": _FIRST, "contents": _FRONT, "front": _FRONT, "opening": _OPENING},
    **{"between": _BESIDE, "ending": _ENDING, "back": _LAST},
}
_FRONT_NAMES = frozenset({"cover", "title", "titlepage", "title page", "front", "frontmatter", "index", "copyright"})


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """A key by which "2.html" comes before "10.html"."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in _DIGITS.split(name) if part]


def reading_order(paths: Sequence[str]) -> list[str]:
    """The files of a novel's folder (POSIX paths) in the order in which they are read, folder by folder.

    Digits in names are numbers. Names that all count the same ("Chapter Two", "Chapter IX", "第三章") are ordered by
    that; a preface or title page without a number comes first, a side story or epilogue last.
    """
    below: dict[str, list[str]] = {}
    for path in paths:
        below.setdefault(path.partition("/")[0] if "/" in path else path, []).append(path)
    ordered = []
    for name in _siblings(list(below)):
        inside = below[name]
        if inside == [name]:
            ordered.append(name)
        else:
            ordered += [f"{name}/{rest}" for rest in reading_order([path.partition("/")[2] for path in inside])]
    return ordered


def spoken(path: str) -> str:
    """A file's name as a title may be: without its suffix and with spaces for underscores."""
    return clean(PurePosixPath(path).stem.replace("_", " ")).strip()


def _siblings(names: list[str]) -> list[str]:
    said = {name: spoken(name) for name in names}
    place = {name: _place(words) for name, words in said.items()}
    inner = [name for name in names if place[name] == _INSIDE]
    numbers = {} if any(said[name][:1].isdecimal() for name in inner) else _numbers(inner, said)

    def key(name: str) -> tuple[object, ...]:
        return (place[name], numbers.get(name, 0.0), natural_order(said[name]), name)

    return sorted(names, key=key)


def _numbers(names: Sequence[str], said: Mapping[str, str]) -> dict[str, float]:
    """The number that each name says with a word for it; {} unless all count the same, each another."""
    read = {name: parsed for name in names if (parsed := parse_heading(said[name])) is not None and parsed.unit}
    numbers = {name: parsed.number for name, parsed in read.items() if parsed.number is not None}
    alike = len({(parsed.unit, parsed.outer) for parsed in read.values()}) == 1
    return numbers if alike and len(set(numbers.values())) == len(names) else {}


def _place(words: str) -> int:
    if _DIGITS.search(words):
        return _INSIDE
    if words.casefold() in _FRONT_NAMES:
        return _FIRST
    return _PLACES.get(matter_kind(words) or "", _INSIDE)
