"""What an English text says of a character's look: part, attribute and sentence, each with its place.

Whose eyes they are is told by a name that owns them or, for "his" and "her", by the only fitting person named shortly
before; where two fit, nothing is said. Contradictions are two colours of one lasting part, or tall beside short.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.characters import PERSON, Character
from morpheus_assets.insight.look_words import (
    AGES,
    ATTRIBUTES,
    BUILDS,
    CLOTHES,
    DEGREES,
    DRESS_ATTRIBUTES,
    HAIR_AND_EYE_COLOURS,
    LASTING,
    LOOKS,
    PARTS,
    PERSON_NOUNS,
)
from morpheus_assets.text.sentences import sentence_spans

_LOOK_BACK = 1_000
_LONGEST_SENTENCE = 600
_TOKEN = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[,;:.!?“”\"()—]|--")
_STRANGER = re.compile(
    r"\b(?:an?|our|this|that|the|another|one|some|his|her)(?: [a-z-]+){0,3} (?:man|woman|girl|boy|lady|gentleman|fellow"
    r"|visitor|stranger|client|companion|servant|lad|youth|maid|creature|figure|individual|person|child|patient|prisoner"
    r"|officer|soldier|sailor|waiter|driver|inspector|landlord|preacher|steward|bandit|wife|husband|dog|horse|wolf"
    r"|emperor|sovereign|king|queen|prince|princess|count|countess|general|colonel|captain|doctor|governor)\b",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"^(.+?)['’]s?$")
_BE = frozenset(["was", "is", "were", "are", "had", "been", "looked", "seemed", "grew", "turned", "became"])
_HAVE = frozenset(["had", "has", "with", "wore", "wearing", "having"])
_CLAUSE_ENDS = frozenset(',;:.!?“”"()—') | {"--"}
_BEHIND_OBJECTS = frozenset(
    ["to", "in", "with", "from", "at", "by", "and", "on", "into", "that", "as", "come", "go", "up", "down", "out"]
)
_NOT = frozenset(["not", "no", "never", "nor", "without", "if", "as", "like"])


@dataclass(frozen=True)
class Look:
    """One statement: `attribute` of a `part` ("hair: flaxen"), said in text[char_start:char_end], a whole sentence.

    `sure` is False where only a pronoun tells whose look it is. `contradicts` names what another sentence says
    instead, "" for nothing.
    """

    character: str
    part: str
    attribute: str
    chapter: int
    char_start: int
    char_end: int
    sentence: str
    sure: bool = True
    contradicts: str = ""


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    text: str

    @property
    def lower(self) -> str:
        return self.text.lower().replace("’", "'")


@dataclass(frozen=True)
class _Owner:
    name: str
    gender: str
    start: int
    end: int


def find_looks(text: str, chapters: Sequence[Chapter], language: str, cast: Sequence[Character]) -> list[Look]:
    """Statements about the persons of a cast, contradictions first, then by character and place; [] if not English."""
    if looks_note(language):
        return []
    owners = sorted(
        (_Owner(one.name, one.gender, start, end) for one in cast if one.kind == PERSON for start, end in one.places),
        key=lambda owner: owner.start,
    )
    starts = [owner.start for owner in owners]
    found: list[Look] = []
    for chapter in chapters:
        body = text[chapter.char_start : chapter.char_end]
        for begin, end in sentence_spans(body):
            if end - begin > _LONGEST_SENTENCE:
                continue
            found += _in_sentence(text, chapter.char_start + begin, chapter.char_start + end, chapter, owners, starts)
    return with_contradictions(_each_once(found))


def looks_note(language: str) -> str:
    """A sentence where the looks that a language tells are not read; "" for English."""
    return "" if language == "en" else f"Looks are read in English only, and this text is in {language}."


def with_contradictions(looks: Iterable[Look]) -> list[Look]:
    """The statements with what contradicts each; those that are contradicted first."""
    by_part: dict[tuple[str, str], list[Look]] = defaultdict(list)
    for look in looks:
        by_part[(look.character, look.part)].append(look)
    marked: list[Look] = []
    for (_, part), said in by_part.items():
        groups = {look.attribute: _group(part, look.attribute) for look in said}
        for look in said:
            others = {g for g in groups.values() if g and groups[look.attribute] and g != groups[look.attribute]}
            marked.append(replace(look, contradicts=", ".join(sorted(others))))
    return sorted(marked, key=lambda look: (not look.contradicts, look.character, look.part, look.char_start))


def _group(part: str, attribute: str) -> str:
    words = attribute.split()
    if part in LASTING:
        return next((HAIR_AND_EYE_COLOURS[word] for word in words if word in HAIR_AND_EYE_COLOURS), "")
    if part == "build":
        build = next((BUILDS[word] for word in words if word in BUILDS), "")
        return build if build in ("tall", "short") else ""
    return ""


def _each_once(looks: Iterable[Look]) -> list[Look]:
    seen: dict[tuple[str, str, str, int], Look] = {}
    for look in looks:
        seen.setdefault((look.character, look.part, look.attribute, look.char_start), look)
    return list(seen.values())


def _in_sentence(
    text: str, begin: int, end: int, chapter: Chapter, owners: Sequence[_Owner], starts: Sequence[int]
) -> Iterator[Look]:
    tokens = [_Token(m.start(), m.end(), m.group()) for m in _TOKEN.finditer(text, begin, end)]
    if not any(_part_of(token) or token.lower in PERSON_NOUNS for token in tokens):
        return
    quoted = _quoted(tokens)
    first, last = bisect_left(starts, begin), bisect_left(starts, end)
    here = owners[first:last]
    before = owners[bisect_left(starts, max(chapter.char_start, begin - _LOOK_BACK)) : first]

    strangers = [m.start() for m in _STRANGER.finditer(text, max(chapter.char_start, begin - _LOOK_BACK), end)]
    # "Our visitor", or whoever speaks in between, may be whom "his" means from there on.
    outside = max(
        [*(place for place in strangers if place < begin), text.rfind('"', 0, begin), text.rfind("”", 0, begin)]
    )
    before = [owner for owner in before if owner.start > outside]
    doubtful = [place for place in strangers if place >= begin]
    if doubtful:
        quoted = [inside or token.start > doubtful[0] for inside, token in zip(quoted, tokens, strict=True)]

    def look(owner: tuple[str, bool] | None, part: str, attributes: Sequence[str]) -> Iterator[Look]:
        if owner is not None and attributes:
            sentence = " ".join(text[begin:end].split())
            yield Look(owner[0], part, " ".join(attributes), chapter.ordinal, begin, end, sentence, sure=owner[1])

    for index, token in enumerate(tokens):
        part = _part_of(token)
        if index + 1 < len(tokens) and tokens[index + 1].lower in ("bone", "bones"):
            continue
        if part is not None:
            yield from look(*_of_part(tokens, index, part, here, before, quoted))
        elif token.lower in PERSON_NOUNS:
            yield from look(*_of_person(tokens, index, here, before, quoted))


def _part_of(token: _Token) -> str | None:
    return PARTS.get(token.lower) or CLOTHES.get(token.lower)


def _of_part(
    tokens: Sequence[_Token], index: int, part: str, here: Sequence[_Owner], before: Sequence[_Owner],
    quoted: Sequence[bool],
) -> tuple[tuple[str, bool] | None, str, list[str]]:  # fmt: skip
    """ "her dark eyes", "Dracula's eyes were red", "he had a long white moustache"."""
    allowed = DRESS_ATTRIBUTES if tokens[index].lower in CLOTHES else ATTRIBUTES
    attributes: list[str] = []
    at = index - 1
    counted = False
    while at >= 0 and (tokens[at].lower in allowed or tokens[at].lower in DEGREES or tokens[at].text == ","):
        if tokens[at].lower in allowed:
            attributes.insert(0, tokens[at].lower)
        elif tokens[at].text == "," and (at == 0 or tokens[at - 1].lower not in allowed):
            break
        counted = counted or tokens[at].lower in ("a", "an")
        at -= 1
    # "Anne's a great hand at it": she is one.
    owner = None if counted else _owner_at(tokens, at, here, before, quoted)
    if owner is None and at >= 0 and tokens[at].lower in _HAVE | {"a", "an"}:
        owner = _subject_of_having(tokens, at, here, before, quoted)
    if not attributes:
        owner = _owner_at(tokens, at, here, before, quoted)
        attributes = _after_being(tokens, index, allowed)
    return owner, part, attributes


def _after_being(tokens: Sequence[_Token], index: int, allowed: frozenset[str]) -> list[str]:
    """Attributes after "was": "her eyes were large and dark"."""
    at = index + 1
    if at >= len(tokens) or tokens[at].lower not in _BE:
        return []
    found: list[str] = []
    at += 1
    while at < len(tokens) and at < index + 9:
        word = tokens[at].lower
        if word in allowed:
            following = tokens[at + 1].lower if at + 1 < len(tokens) else "."
            if (
                following not in _CLAUSE_ENDS
                and following not in ("and", "but", "with", "as", "now")
                and following not in allowed
            ):
                break
            found.append(word)
        elif word in _NOT or (word not in DEGREES and word not in (",", "and")):
            break
        at += 1
    return found


def _owner_at(
    tokens: Sequence[_Token], at: int, here: Sequence[_Owner], before: Sequence[_Owner], quoted: Sequence[bool]
) -> tuple[str, bool] | None:
    """Whose part it is by the word in front: a name's possessive, "his" or "her"."""
    if at < 0:
        return None
    token = tokens[at]
    if _POSSESSIVE.match(token.text) and token.lower not in ("it's", "that's", "he's", "she's"):
        owned = [owner for owner in here if owner.start <= token.start < max(owner.end, owner.start + 1) + 2]
        return (owned[-1].name, True) if owned else None
    if token.lower in ("his", "her") and not quoted[at]:
        return _referred(tokens, "m" if token.lower == "his" else "f", token.start, here, before)
    return None


def _referred(
    tokens: Sequence[_Token], gender: str, place: int, here: Sequence[_Owner], before: Sequence[_Owner]
) -> tuple[str, bool] | None:
    """The only person of that gender who is named before in the sentence, else shortly before it."""
    named = [owner for owner in here if owner.start < place]
    for near in (named, before):
        fitting = {owner.name for owner in near if owner.gender in (gender, "")}
        if len(fitting) == 1:
            [name] = fitting
            if near is named and _another(tokens, gender, [owner for owner in named if owner.name == name], place):
                return None
            # Somebody whose gender nothing tells may be another than the one that is spoken of.
            told = any(owner.name == name and owner.gender for owner in near)
            return (name, False) if told else None
        if fitting:
            return None
    return None


def _another(tokens: Sequence[_Token], gender: str, named: Sequence[_Owner], place: int) -> bool:
    """True where a sentence has two of one gender and names one: "He gave a Cossack his coat"."""
    subject, object_ = ("he", "him") if gender == "m" else ("she", "her")
    for index, token in enumerate(tokens):
        if token.start >= place:
            return False
        following = tokens[index + 1].lower if index + 1 < len(tokens) else "."
        if token.start < named[0].start:
            # "After his usual description Mr. Lorry flattened his flaxen wig" is one.
            if token.lower in (subject, "him"):
                return True
        elif token.lower == object_ and (gender == "m" or following in _CLAUSE_ENDS | _BEHIND_OBJECTS):
            return True
    return False


def _subject_of_having(
    tokens: Sequence[_Token], at: int, here: Sequence[_Owner], before: Sequence[_Owner], quoted: Sequence[bool]
) -> tuple[str, bool] | None:
    """ "Mr. Wilson had …", "she wore …": the subject right before the verb."""
    while at >= 0 and tokens[at].lower in ("a", "an", "the", "his", "her"):
        at -= 1
    if at < 1 or tokens[at].lower not in ("had", "has", "wore", "wears"):
        return None
    subject = tokens[at - 1]
    named = [owner for owner in here if owner.start <= subject.start < owner.end]
    if named:
        return named[-1].name, True
    if subject.lower in ("he", "she") and not quoted[at - 1]:
        return _referred(tokens, "m" if subject.lower == "he" else "f", subject.start, here, before)
    return None


def _of_person(
    tokens: Sequence[_Token], index: int, here: Sequence[_Owner], before: Sequence[_Owner], quoted: Sequence[bool]
) -> tuple[tuple[str, bool] | None, str, list[str]]:
    """ "He was a tall, thin man"; "Mr. Collins was a tall young man"."""
    attributes: list[str] = []
    at = index - 1
    while at >= 0 and (tokens[at].lower in BUILDS or tokens[at].lower in AGES | LOOKS or tokens[at].text == ","
                       or tokens[at].lower in DEGREES - {"a"}):  # fmt: skip
        if tokens[at].lower in BUILDS or tokens[at].lower in AGES | LOOKS:
            attributes.insert(0, tokens[at].lower)
        at -= 1
    if not attributes or at < 2 or tokens[at].lower not in ("a", "an") or tokens[at - 1].lower not in ("was", "is"):
        return None, "build", []
    subject = tokens[at - 2]
    named = [owner for owner in here if owner.start <= subject.start < owner.end]
    owner: tuple[str, bool] | None = (named[-1].name, True) if named else None
    if owner is None and subject.lower in ("he", "she") and not quoted[at - 2]:
        owner = _referred(tokens, "m" if subject.lower == "he" else "f", subject.start, here, before)
    if attributes in (["old"], ["young"], ["little"], ["poor"]) and owner is not None and not owner[1]:
        return None, "build", []
    return owner, "build", attributes


def _quoted(tokens: Sequence[_Token]) -> list[bool]:
    """Which tokens stand in speech: whom a speaker's "his" means is not told by the names around."""
    inside, marks = False, []
    for token in tokens:
        if token.text == "“" or (token.text == '"' and not inside):
            inside = True
        elif token.text == "”" or (token.text == '"' and inside):
            inside = False
        marks.append(inside)
    return marks
