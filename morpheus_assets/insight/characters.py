"""The cast of a novel, proposed from its text: names joined to persons cautiously, places told apart.

Scripts with capitals only; other languages give an empty proposal. A person's corrections are cast_file.py's.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.names import Evidence, Mention, find_mentions, weigh
from morpheus_assets.insight.people_words import PeopleWords, words_of

PERSON, PLACE, UNKNOWN = "person", "place", "unknown"
FEWEST_MENTIONS = 5
MOST_CHARACTERS = 200
_PLACE_SHARE, _PERSON_SHARE, _OWN_SHARE = 0.2, 0.05, 0.8
_RARE_TITLE, _FEWEST_PRONOUNS, _MOSTLY, _FEWEST_TITLED = 0.01, 4, 0.6, 3


@dataclass(frozen=True)
class Character:
    """A name of the cast with the forms it takes.

    `aliases` are all forms with how often each stands, the commonest first; `chapters` are ordinals with mentions,
    `places` the (start, end) of every mention in the novel's text. `kind` is "person", "place" or "unknown"; `gender`
    "m", "f" or "". `confirmed` names come from a person's file, with `panels` as reference pictures.
    """

    name: str
    kind: str
    gender: str
    aliases: Mapping[str, int]
    chapters: Mapping[int, int]
    places: Sequence[tuple[int, int]] = field(repr=False, default=())
    confirmed: bool = False
    panels: tuple[str, ...] = ()

    @property
    def mentions(self) -> int:
        """How often any of the forms stands in the text."""
        return sum(self.aliases.values())


Key = tuple[str, tuple[str, ...]]
"""Whom the title tells ("m", "mrs", "miss", "f", "title" for anybody's, "" for none), and the words of the name."""
_WOMEN = ("mrs", "miss", "f")


@dataclass
class _Group:
    """Mentions that are taken for one being."""

    words: tuple[str, ...]
    told: set[str]
    mentions: list[Mention] = field(default_factory=list)


def propose_cast(text: str, chapters: Sequence[Chapter], language: str) -> list[Character]:
    """The persons and places that a text names, by mentions; [] where nothing is found or the script has no capitals.

    A surname with several titles ("Mr. Bennet", "Mrs. Bennet") is as many persons, and belongs to none where it stands
    alone. A first name joins a full name only where one full name has it.
    """
    known = words_of(language)
    if known is None:
        return []
    mentions = find_mentions(text, known, [(chapter.char_start, chapter.char_end) for chapter in chapters])
    evidence = weigh(text, mentions, known)
    groups = _joined(mentions, evidence, known)
    cast = [_character(group, evidence, chapters, known) for group in groups]
    cast = _with_titles_alone(cast, text, chapters, known)
    kept = [one for one in cast if one.mentions >= FEWEST_MENTIONS]
    return sorted(kept, key=lambda one: (-one.mentions, one.name))[:MOST_CHARACTERS]


def _joined(
    mentions: Sequence[Mention], evidence: Mapping[tuple[str, ...], Evidence], known: PeopleWords
) -> list[_Group]:
    groups: dict[Key, _Group] = {}
    for mention in mentions:
        told = _told(mention.title, known) if len(mention.words) == 1 else _sex(_told(mention.title, known))
        group = groups.setdefault((told, mention.words), _Group(mention.words, {told} - {"", "title"}))
        group.mentions.append(mention)
    genders = {words: _gender_of(each) for words, each in evidence.items()}
    places = {words for words, each in evidence.items() if _is_place(words, each, known)}
    women = {
        words for words, each in evidence.items() if each.she >= _MOSTLY * max(_FEWEST_PRONOUNS, each.he + each.she)
    }
    _merge_titles(groups, women)
    _merge_first_names(groups, genders, places)
    _merge_surnames(groups, genders, places)
    return list(groups.values())


def _told(title: str, known: PeopleWords) -> str:
    told = [known.titles.get(word.lower(), "") for word in title.split()]
    return next((each for each in told if each), "title" if title else "")


def _sex(told: str) -> str:
    return "f" if told in _WOMEN else "m" if told == "m" else ""


def _gender_of(evidence: Evidence) -> str:
    told = evidence.he + evidence.she
    if told < _FEWEST_PRONOUNS:
        return ""
    return "m" if evidence.he >= _OWN_SHARE * told else "f" if evidence.she >= _OWN_SHARE * told else ""


def _merge(groups: dict[Key, _Group], source: Key, target: Key) -> None:
    moved = groups.pop(source)
    groups[target].mentions += moved.mentions
    groups[target].told |= moved.told


def _merge_titles(groups: dict[Key, _Group], women: set[tuple[str, ...]]) -> None:
    """A name with and without a title: "Darcy" is Mr. Darcy; a wife or sister is another person of his name."""
    for words in {words for _, words in groups}:
        held = {
            told: len(groups[(told, words)].mentions) for told in ("", "m", "title", *_WOMEN) if (told, words) in groups
        }
        bare = held.pop("", 0)
        if "title" in held and "m" in held:
            _merge(groups, ("title", words), ("m", words))
            held["m"] += held.pop("title")
        if not bare or not held:
            continue
        rare = [told for told, count in held.items() if count < max(2, _RARE_TITLE * bare)]
        for told in rare:
            # One "Mother Moscow" among seven hundred tells nothing of whom the name is.
            groups[(told, words)].told.clear()
            _merge(groups, (told, words), ("", words))
            del held[told]
        owner: str | None = next((told for told in ("m", "title") if told in held), None)
        if owner is None and len(held) == 1 and (len(words) > 1 or bare <= 0.2 * sum(held.values()) or "f" in held):
            owner = next(iter(held))
        if owner is None and len(held) == 1 and ("miss" in held or words in women):
            owner = next(iter(held))
        if owner is not None:
            _merge(groups, ("", words), (owner, words))


def _merge_first_names(
    groups: dict[Key, _Group], genders: Mapping[tuple[str, ...], str], places: set[tuple[str, ...]]
) -> None:
    """ "Elizabeth" and "Elizabeth Bennet" where hardly another full name begins with her name."""
    full = Counter({words: 0 for _, words in groups if len(words) > 1})
    for (_, words), group in groups.items():
        if len(words) > 1:
            full[words] += len(group.mentions)
    for key in sorted((key for key in groups if len(key[1]) > 1), key=lambda key: (len(key[1]), key)):
        if key not in groups or key[1] in places:
            continue
        words, count = key[1], full[key[1]]
        first = [other for other in groups if other[1] == words[:1] and other != key]
        rivals = {other for other in full if other[0] == words[0] and other != words and other[: len(words)] != words
                  and words[: len(other)] != other}  # fmt: skip
        alone = sum(len(groups[other].mentions) for other in first)
        told_apart = count >= _OWN_SHARE * (count + sum(full[other] for other in rivals))
        if count < max(2, _RARE_TITLE * alone) or not told_apart:
            continue
        for other in first:
            if words[:1] not in places and _agree(groups[key], groups[other], genders):
                _merge(groups, other, key)
        for other in [other for other in groups if len(other[1]) > len(words) and other[1][: len(words)] == words]:
            if _agree(groups[key], groups[other], genders) and other[1] not in places:
                _merge(groups, key, other)
                break


def _merge_surnames(
    groups: dict[Key, _Group], genders: Mapping[tuple[str, ...], str], places: set[tuple[str, ...]]
) -> None:
    """ "Van Helsing" and "Abraham Van Helsing": a surname joins the one full name that it can belong to."""
    for key in sorted((key for key in groups if len(key[1]) == 1), key=str):
        if key not in groups or key[0] in ("mrs", "miss") or key[1] in places:
            continue
        bearers = [
            other for other in groups if len(other[1]) > 1 and other[1][-1] == key[1][0] and other[1] not in places
        ]
        bearers = [other for other in bearers if _agree(groups[key], groups[other], genders)]
        named = [other for other in bearers if len(groups[other].mentions) >= 2]
        if len(named) == 1 and len(bearers) == 1 and _is_told(groups[key], groups[named[0]], genders):
            _merge(groups, key, named[0])


def _is_told(titled: _Group, whole: _Group, genders: Mapping[tuple[str, ...], str]) -> bool:
    """True unless a title tells a man or a woman and nothing says that the full name is one."""
    sexes = {_sex(told) for told in titled.told} - {""}
    known = {_sex(told) or told for told in whole.told} | {genders.get(whole.words, "")}
    return not sexes or bool(sexes & known)


def _agree(first: _Group, second: _Group, genders: Mapping[tuple[str, ...], str]) -> bool:
    sexes = {_sex(told) or told for group in (first, second) for told in group.told} - {""}
    sexes |= {genders.get(group.words, "") for group in (first, second) if not group.told} - {""}
    return len(sexes) <= 1


def _character(
    group: _Group,
    evidence: Mapping[tuple[str, ...], Evidence],
    chapters: Sequence[Chapter],
    known: PeopleWords,
) -> Character:
    forms = Counter(mention.text for mention in group.mentions)
    mentions = sorted(group.mentions, key=lambda mention: mention.start)
    kind = _kind(group, evidence, known)
    return Character(
        _display(group.mentions),
        kind,
        _gender(group, evidence) if kind != PLACE else "",
        dict(forms.most_common()),
        chapter_counts([mention.start for mention in mentions], chapters),
        tuple((mention.start, mention.end) for mention in mentions),
    )


def _gender(group: _Group, evidence: Mapping[tuple[str, ...], Evidence]) -> str:
    told = {_sex(each) for each in group.told} - {""}
    if len(told) == 1:
        return told.pop()
    he = she = 0
    for words in {mention.words for mention in group.mentions}:
        he, she = he + evidence[words].he, she + evidence[words].she
    return _gender_of(Evidence(he=he, she=she))


def _is_place(words: tuple[str, ...], evidence: Evidence, known: PeopleWords) -> bool:
    if words[-1].lower() in known.place_words:
        return True
    personal = evidence.titled + evidence.speaks
    return evidence.in_place >= _PLACE_SHARE * evidence.count and personal <= max(1, _PERSON_SHARE * evidence.count)


def _kind(group: _Group, evidence: Mapping[tuple[str, ...], Evidence], known: PeopleWords) -> str:
    found = {words: evidence[words] for words in {mention.words for mention in group.mentions}}
    main = max(found, key=lambda words: found[words].count)
    count = sum(each.count for each in found.values())
    personal = sum(each.titled + each.speaks for each in found.values())
    if _is_place(main, found[main], known):
        return PLACE
    if sum(each.after_the for each in found.values()) >= 0.4 * count:
        return UNKNOWN
    if group.told or personal >= max(2, _PERSON_SHARE * count):
        return PERSON
    owns = sum(each.owns for each in found.values())
    sexed = _gender_of(Evidence(he=sum(e.he for e in found.values()), she=sum(e.she for e in found.values())))
    return PERSON if owns >= 0.1 * count or sexed else UNKNOWN


def _display(mentions: Sequence[Mention]) -> str:
    """The commonest form, or one with more of the name that is not rare."""
    forms = Counter(mention.text for mention in mentions)
    length = {mention.text: len(mention.words) for mention in mentions}
    plain = {mention.text: not mention.title for mention in mentions}
    usual, count = forms.most_common(1)[0]
    fuller = [
        form
        for form, number in forms.items()
        if length[form] > length[usual] and usual in form and number >= max(2, count / 30)
        and (plain[form] or not plain[usual])
    ]  # fmt: skip
    return max(fuller, key=lambda form: (forms[form], form), default=usual)


def _with_titles_alone(
    cast: Sequence[Character], text: str, chapters: Sequence[Chapter], known: PeopleWords
) -> list[Character]:
    """ "The Count" is Count Dracula where hardly another count is named."""
    bearers: dict[str, Counter[int]] = defaultdict(Counter)
    for index, one in enumerate(cast):
        for form, count in one.aliases.items():
            title = form.split(" ", 1)[0]
            if one.kind == PERSON and " " in form and title.lower() in known.titles and title.lower() in known.alone:
                bearers[title][index] += count
    added: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for title, counts in bearers.items():
        index, count = counts.most_common(1)[0]
        if count < _FEWEST_TITLED or count < _OWN_SHARE * sum(counts.values()):
            continue
        alone = re.compile(rf"\b[Tt]he {re.escape(title)}\b(?! [A-Z])(?! of\b)")
        for found in alone.finditer(text, chapters[0].char_start, chapters[-1].char_end):
            added[index].append((f"the {title}", *found.span()))
    return [_with_more(one, added.get(index, []), chapters) for index, one in enumerate(cast)]


def _with_more(one: Character, more: Sequence[tuple[str, int, int]], chapters: Sequence[Chapter]) -> Character:
    if not more:
        return one
    places = sorted([*one.places, *((start, end) for _, start, end in more)])
    forms = Counter(one.aliases) + Counter(form for form, _, _ in more)
    counts = chapter_counts([start for start, _ in places], chapters)
    return replace(one, aliases=dict(forms.most_common()), chapters=counts, places=tuple(places))


def chapter_counts(places: Iterable[int], chapters: Sequence[Chapter]) -> dict[int, int]:
    """How many of the places in the text lie in each chapter, by its ordinal."""
    starts = [chapter.char_start for chapter in chapters]
    counts = Counter(chapters[max(0, bisect_right(starts, place) - 1)].ordinal for place in places)
    return dict(sorted(counts.items()))
