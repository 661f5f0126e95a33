"""A person's corrections of a proposed cast: `content/characters/<novel>.toml`.

Tables `[[character]]` hold `name`, `aliases`, `panels` (reference pictures), `kind` and `gender`; `[leave_out]` holds
`names` that are none. Only `name` is needed.
"""

import re
import tomllib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.characters import PERSON, PLACE, Character, chapter_counts

MOST_BYTES = 1024 * 1024
_KINDS = (PERSON, PLACE)


class CastFileFault(ValueError):
    """The file cannot be taken; the message is one sentence that names the file, the place and the remedy."""


@dataclass(frozen=True)
class NamedCharacter:
    """One character as a person wrote it down; `panels` are paths in the novel's panel folder."""

    name: str
    aliases: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    kind: str = PERSON
    gender: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The name and the aliases, each once."""
        return tuple(dict.fromkeys((self.name, *self.aliases)))


@dataclass(frozen=True)
class CastFile:
    """What a person says of a cast: who belongs to it, and which proposed names are none."""

    characters: tuple[NamedCharacter, ...] = ()
    left_out: tuple[str, ...] = ()


def read_cast_file(data: bytes, name: str) -> CastFile:
    """Parse a file. Raises CastFileFault for what is no TOML, unknown, or says two things of one name."""
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CastFileFault(f"{name} is not UTF-8 text: save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise CastFileFault(f"{name} is no TOML ({error}): mend that line.") from error
    _known(table, {"character", "leave_out"}, name, "the file")
    rows = table.get("character", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CastFileFault(f"{name}: characters are written as [[character]] tables.")
    characters = tuple(_character(row, name, number) for number, row in enumerate(rows, 1))
    apart = table.get("leave_out", {})
    if not isinstance(apart, dict):
        raise CastFileFault(f"{name}: names to leave out are written as `names = [...]` below [leave_out].")
    _known(apart, {"names"}, name, "[leave_out]")
    left_out = _texts(apart, "names", name, "[leave_out]")
    counts = Counter(each for character in characters for each in character.names)
    counts.update(dict.fromkeys(left_out, 1))
    twice = next((each for each, count in counts.items() if count > 1), None)
    if twice is not None:
        raise CastFileFault(f"{name} names {twice!r} twice: a name can belong to one character only.")
    return CastFile(characters, left_out)


def with_file(proposed: Sequence[Character], said: CastFile, text: str, chapters: Sequence[Chapter]) -> list[Character]:
    """The proposed cast as a person corrected it, the confirmed characters first.

    A confirmed one takes over every proposed character that bears one of its names, unless a form of that belongs to
    another; names that were not proposed are looked for in the text as whole words.
    """
    owners = {form: index for index, character in enumerate(said.characters) for form in character.names}
    taken: dict[int, list[Character]] = {}
    rest: list[Character] = []
    for one in proposed:
        if one.name in said.left_out or (one.aliases and all(form in said.left_out for form in one.aliases)):
            continue
        claimed = {owners[form] for form in (one.name, *one.aliases) if form in owners}
        if len(claimed) == 1:
            taken.setdefault(claimed.pop(), []).append(one)
        elif not claimed:
            rest.append(one)
        else:
            for index in claimed:
                taken.setdefault(index, [])
    confirmed = [
        _confirmed(character, taken.get(index, []), text, chapters) for index, character in enumerate(said.characters)
    ]
    return [*confirmed, *rest]


def _confirmed(said: NamedCharacter, taken: Sequence[Character], text: str, chapters: Sequence[Chapter]) -> Character:
    places = {place for one in taken for place in one.places}
    forms = Counter(dict.fromkeys(said.names, 0))
    for one in taken:
        forms.update(one.aliases)
    covered = sorted(places)
    for form in said.names:
        for start, end in _occurrences(text, form, chapters):
            if not any(begin <= start < stop for begin, stop in _near(covered, start)):
                places.add((start, end))
                forms[form] += 1
    ordered = sorted(places)
    genders = {said.gender, *(one.gender for one in taken)} - {""}
    return Character(
        said.name,
        said.kind,
        said.gender or (genders.pop() if len(genders) == 1 else ""),
        dict(Counter({form: count for form, count in forms.items() if count}).most_common()),
        chapter_counts([start for start, _ in ordered], chapters),
        tuple(ordered),
        confirmed=True,
        panels=said.panels,
    )


def _near(places: Sequence[tuple[int, int]], start: int) -> Iterable[tuple[int, int]]:
    at = bisect_right(places, (start, 1 << 60))
    return places[max(0, at - 1) : at]


def _occurrences(text: str, form: str, chapters: Sequence[Chapter]) -> Iterable[tuple[int, int]]:
    if not chapters:
        return
    pattern = re.compile(rf"(?<!\w){re.escape(form)}(?!\w)" if form.isascii() else re.escape(form))
    for found in pattern.finditer(text, chapters[0].char_start, chapters[-1].char_end):
        yield found.span()


def _character(row: Mapping[str, Any], name: str, number: int) -> NamedCharacter:
    place = f"character {number}"
    _known(row, {"name", "aliases", "panels", "kind", "gender"}, name, place)
    called = row.get("name")
    if not isinstance(called, str) or not called.strip():
        raise CastFileFault(f"{name}: {place} has no `name`, a text that is not empty.")
    kind, gender = row.get("kind", PERSON), row.get("gender", "")
    if kind not in _KINDS:
        raise CastFileFault(f"{name}: kind of {called!r} is {kind!r}; write {' or '.join(map(repr, _KINDS))}.")
    if gender not in ("", "m", "f"):
        raise CastFileFault(f"{name}: gender of {called!r} is {gender!r}; write 'm', 'f', or leave it out.")
    aliases, panels = _texts(row, "aliases", name, place), _texts(row, "panels", name, place)
    return NamedCharacter(called.strip(), aliases, panels, kind, gender)


def _texts(row: Mapping[str, Any], key: str, name: str, place: str) -> tuple[str, ...]:
    values = row.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise CastFileFault(f'{name}: `{key}` of {place} is a list of texts, as in {key} = ["…"].')
    return tuple(value.strip() for value in values)


def _known(row: Mapping[str, Any], keys: set[str], name: str, place: str) -> None:
    unknown = sorted(row.keys() - keys)
    if unknown:
        raise CastFileFault(f"{name}: {place} has {unknown[0]!r}, which is not known; write {', '.join(sorted(keys))}.")
