"""The cast of a novel, proposed from its text: names joined to persons cautiously, places told apart.

Scripts with capitals, and Chinese; other languages give an empty proposal. A person's corrections are cast_file.py's.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from morpheus_assets.domain.content import Chapter
from morpheus_assets.insight.chinese_names import chinese_gender, chinese_names
from morpheus_assets.insight.given_names import given_gender
from morpheus_assets.insight.names import Evidence, Mention, find_mentions, weigh
from morpheus_assets.insight.people_words import CHINESE, PeopleWords, words_of

PERSON, PLACE, UNKNOWN = "person", "place", "unknown"
FEWEST_MENTIONS = 5
MOST_CHARACTERS = 200
_PLACE_SHARE, _PERSON_SHARE, _OWN_SHARE = 0.2, 0.05, 0.8
_INSIDE_SHARE, _FEWEST_INSIDE = 0.08, 2
_RARE_TITLE, _FEWEST_PRONOUNS, _MOSTLY, _FEWEST_TITLED = 0.01, 4, 0.6, 3
_OTHER_TITLE, _TITLED_SHARE, _ALONE_SHARE, _RANKED_SHARE = 0.2, 0.5, 0.02, 0.1
_FEWEST_SPOKEN, _SPOKEN_PERSON = 3, 0.15
_OVER_NAMESAKES, _OFTEN, _NEAR_CHARACTERS, _MEETING, _TITLED_PERSON = 0.9, 0.2, 20_000, 0.6, 0.3


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
    """The persons and places that a text names, by mentions; [] where nothing is found or the language has no tables.

    A surname with several titles ("Mr. Bennet", "Mrs. Bennet") is as many persons, and belongs to none where it stands
    alone. A first name joins a full name only where one full name has it.
    """
    if language == CHINESE:
        return _kept(_chinese_cast(text, chapters))
    known = words_of(language)
    if known is None:
        return []
    mentions = find_mentions(text, known, [(chapter.char_start, chapter.char_end) for chapter in chapters])
    evidence = weigh(text, mentions, known)
    groups = _joined(mentions, evidence, known)
    cast = [_character(group, evidence, chapters, known) for group in groups]
    cast = _with_titles_alone(cast, text, chapters, known)
    return _kept(cast)


def _kept(cast: Iterable[Character]) -> list[Character]:
    kept = [one for one in cast if one.mentions >= FEWEST_MENTIONS]
    return sorted(kept, key=lambda one: (-one.mentions, one.name))[:MOST_CHARACTERS]


def _chinese_cast(text: str, chapters: Sequence[Chapter]) -> Iterator[Character]:
    found = chinese_names(text, [(chapter.char_start, chapter.char_end) for chapter in chapters])
    for name, places in found.items():
        forms = Counter(text[start:end] for start, end in places)
        counts = chapter_counts([start for start, _ in places], chapters)
        yield Character(name, PERSON, chinese_gender(name), dict(forms.most_common()), counts, tuple(places))


def _joined(
    mentions: Sequence[Mention], evidence: Mapping[tuple[str, ...], Evidence], known: PeopleWords
) -> list[_Group]:
    groups: dict[Key, _Group] = {}
    for mention in mentions:
        told = _told(mention.title, known)
        # "Mme de Volanges" and "Mlle de Volanges" are two, "Miss Lucy Westenra" and "Lucy Westenra" one.
        told = told if _is_surname(mention.words, known) else _sex(told)
        group = groups.setdefault((told, mention.words), _Group(mention.words, {told} - {"", "title"}))
        group.mentions.append(mention)
    genders = {words: given_gender(words, known.language) or _gender_of(each) for words, each in evidence.items()}
    places = {words for words, each in evidence.items() if _is_place(words, each, known)}
    women = {
        words for words, each in evidence.items() if each.she >= _MOSTLY * max(_FEWEST_PRONOUNS, each.he + each.she)
    }
    full = Counter({words: 0 for _, words in groups if len(words) > 1})
    for (_, words), group in groups.items():
        if len(words) > 1:
            full[words] += len(group.mentions)
    _merge_titles(groups, women, genders)
    _merge_first_names(groups, genders, places, full, known)
    _merge_surnames(groups, genders, places, full, known)
    return list(groups.values())


def _is_surname(words: tuple[str, ...], known: PeopleWords) -> bool:
    """True for a name of one word, or of one behind a particle: "de Villefort"."""
    return len(words) == 1 or (words[0] in known.particles and sum(word not in known.particles for word in words) == 1)


def _ranks(group: _Group, known: PeopleWords) -> set[str]:
    """The ranks that belong to a name, unless hardly anybody calls it so."""
    ranks = Counter(word for mention in group.mentions for word in mention.title.lower().split() if word in known.ranks)
    return {rank for rank, count in ranks.items() if count >= _RANKED_SHARE * len(group.mentions)}


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


def _merge_titles(
    groups: dict[Key, _Group], women: set[tuple[str, ...]], genders: Mapping[tuple[str, ...], str]
) -> None:
    """A name with and without a title: "Darcy" is Mr. Darcy; a wife or sister is another person of his name."""
    for words in {words for _, words in groups}:
        held = {
            told: len(groups[(told, words)].mentions) for told in ("", "m", "title", *_WOMEN) if (told, words) in groups
        }
        bare = held.pop("", 0)
        if "title" in held and "m" in held:
            fewer, more = sorted((held["title"], held["m"]))
            if fewer > _OTHER_TITLE * more and fewer + more > _OTHER_TITLE * bare:
                # As many times Mr. Craven as Dr. Craven: they are brothers.
                continue
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
        if genders.get(words) == "m" and not held.keys() & {"m", "title"}:
            # "Mrs. Joe Gargery" is not Joe Gargery.
            continue
        owner: str | None = next((told for told in ("m", "title") if told in held), None)
        if owner is None and len(held) == 1 and (len(words) > 1 or bare <= 0.2 * sum(held.values()) or "f" in held):
            owner = next(iter(held))
        if owner is None and len(held) == 1 and ("miss" in held or words in women):
            owner = next(iter(held))
        if owner is not None:
            _merge(groups, ("", words), (owner, words))


def _merge_first_names(
    groups: dict[Key, _Group],
    genders: Mapping[tuple[str, ...], str],
    places: set[tuple[str, ...]],
    full: Mapping[tuple[str, ...], int],
    known: PeopleWords,
) -> None:
    """ "Elizabeth" and "Elizabeth Bennet" where hardly another full name begins with her name."""
    for key in sorted((key for key in groups if len(key[1]) > 1), key=lambda key: (len(key[1]), key)):
        if key not in groups or key[1] in places:
            continue
        words, count = key[1], full[key[1]]
        if _is_surname(words, known):
            continue
        first = [other for other in groups if other[1] == words[:1] and other != key]
        rivals = {other for other in full if other[0] == words[0] and other != words and other[: len(words)] != words
                  and words[: len(other)] != other}  # fmt: skip
        alone = sum(len(groups[other].mentions) for other in first)
        told_apart = count >= _OWN_SHARE * (count + sum(full[other] for other in rivals))
        if count < max(2, _RARE_TITLE * alone) or not told_apart:
            continue
        for other in first:
            ranked = _ranks(groups[other], known)
            if ranked and not any(rank in mention.title.lower() for mention in groups[key].mentions for rank in ranked):
                continue
            if words[:1] not in places and _agree(groups[key], groups[other], genders):
                _merge(groups, other, key)
        for other in [other for other in groups if len(other[1]) > len(words) and other[1][: len(words)] == words]:
            if _agree(groups[key], groups[other], genders) and other[1] not in places:
                _merge(groups, key, other)
                break


def _merge_surnames(
    groups: dict[Key, _Group],
    genders: Mapping[tuple[str, ...], str],
    places: set[tuple[str, ...]],
    full: Mapping[tuple[str, ...], int],
    known: PeopleWords,
) -> None:
    """ "Van Helsing" and "Abraham Van Helsing": a surname joins the full name that it can belong to.

    Where several can, one that stands far more often than the others, and only if the surname mostly has no title: Mr.
    Knightley is not John Knightley.
    """
    first_names = {words[0] for words, count in full.items() if count > 1 and not _is_surname(words, known)}
    for key in sorted((key for key in groups if len(key[1]) == 1), key=str):
        if key not in groups or key[0] in ("mrs", "miss") or key[1] in places or key[1][0] in first_names:
            continue
        bearers = [
            other for other in groups if len(other[1]) > 1 and other[1][-1] == key[1][0] and other[1] not in places
        ]
        bearers = [other for other in bearers if _agree(groups[key], groups[other], genders)]
        # "Villefort" is M. de Villefort, whoever else has the name in full.
        bearers = [other for other in bearers if _is_surname(other[1], known)] or bearers
        if not bearers:
            continue
        best = max(bearers, key=lambda other: (full[other[1]], other))
        count = full[best[1]]
        if count < max(2, _RARE_TITLE * len(groups[key].mentions)) or not _is_told(groups[key], groups[best], genders):
            continue
        titled = sum(bool(mention.title) for mention in groups[key].mentions)
        bare = titled <= _TITLED_SHARE * len(groups[key].mentions)
        alone = len(bearers) == 1 or (bare and count >= _OVER_NAMESAKES * sum(full[other[1]] for other in bearers))
        same = bare or not _has_family(groups, key[1][0], best)
        if alone and (_is_surname(best[1], known) or (same and _meet(groups[key].mentions, groups[best].mentions))):
            _merge(groups, key, best)


def _has_family(groups: Mapping[Key, _Group], surname: str, best: Key) -> bool:
    """True where others have the surname, and who has it in full is called by a first name: Fred is not Mr. Vincy."""
    by_first = sum(mention.words == best[1][:1] for mention in groups[best].mentions)
    others = any(
        other != best and other[1][-1] == surname and (len(other[1]) > 1 or other[0] in ("mrs", "miss"))
        for other in groups
    )
    return others and by_first >= _OFTEN * len(groups[best].mentions)


def _meet(surname: Sequence[Mention], whole: Sequence[Mention]) -> bool:
    """False where both are names of whole parts of the novel, but not of the same: a father and his son."""
    if len(whole) < _OFTEN * len(surname):
        return True
    where = {mention.start // _NEAR_CHARACTERS for mention in whole}
    return sum(mention.start // _NEAR_CHARACTERS in where for mention in surname) >= _MEETING * len(surname)


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
        _gender(group, evidence, known) if kind != PLACE else "",
        dict(forms.most_common()),
        chapter_counts([mention.start for mention in mentions], chapters),
        tuple((mention.start, mention.end) for mention in mentions),
    )


def _gender(group: _Group, evidence: Mapping[tuple[str, ...], Evidence], known: PeopleWords) -> str:
    told = {_sex(each) for each in group.told} - {""}
    if len(told) == 1:
        return told.pop()
    given = given_gender(_longest(group), known.language)
    if given:
        return given
    he = she = 0
    for words in {mention.words for mention in group.mentions}:
        he, she = he + evidence[words].he, she + evidence[words].she
    return _gender_of(Evidence(he=he, she=she))


def _longest(group: _Group) -> tuple[str, ...]:
    forms = Counter(mention.words for mention in group.mentions)
    return max(forms, key=lambda words: (len(words) if forms[words] > 1 else 0, forms[words]))


def _is_place(words: tuple[str, ...], evidence: Evidence, known: PeopleWords) -> bool:
    if words[-1].lower() in known.place_words:
        return True
    personal = evidence.titled + evidence.speaks
    if not personal + evidence.owns and evidence.inside >= max(_FEWEST_INSIDE, _INSIDE_SHARE * evidence.count):
        return True
    return evidence.in_place >= _PLACE_SHARE * evidence.count and personal <= max(1, _PERSON_SHARE * evidence.count)


def _kind(group: _Group, evidence: Mapping[tuple[str, ...], Evidence], known: PeopleWords) -> str:
    found = {words: evidence[words] for words in {mention.words for mention in group.mentions}}
    main = max(found, key=lambda words: found[words].count)
    count = sum(each.count for each in found.values())
    personal = sum(each.titled + each.speaks for each in found.values())
    if _is_place(main, found[main], known):
        return PLACE
    if group.told and sum(each.titled for each in found.values()) >= _TITLED_PERSON * count:
        return PERSON
    if sum(each.after_the for each in found.values()) >= 0.4 * count:
        return PERSON if personal >= max(_FEWEST_SPOKEN, _SPOKEN_PERSON * count) else UNKNOWN
    if group.told or personal >= max(2, _PERSON_SHARE * count):
        return PERSON
    if given_gender(_longest(group), known.language):
        return PERSON
    owns = sum(each.owns for each in found.values())
    sexed = _gender_of(Evidence(he=sum(e.he for e in found.values()), she=sum(e.she for e in found.values())))
    return PERSON if owns >= 0.1 * count or sexed else UNKNOWN


def _display(mentions: Sequence[Mention]) -> str:
    """The commonest form, or one with more of the name that is not rare; inflected ones as their first form."""
    forms = Counter(mention.name for mention in mentions)
    length = {mention.name: len(mention.words) for mention in mentions}
    plain = {mention.name: not mention.title for mention in mentions}
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
    """ "The Count" is Count Dracula where hardly another count is named, and "the Queen" herself where no queen is."""
    bearers: dict[str, Counter[int]] = defaultdict(Counter)
    for index, one in enumerate(cast):
        for form, count in one.aliases.items():
            title = form.split(" ", 1)[0]
            if one.kind == PERSON and " " in form and title.lower() in known.titles and title.lower() in known.alone:
                bearers[title][index] += count
    added: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    alone: dict[str, list[tuple[int, int]]] = defaultdict(list)
    if known.alone:
        words = "|".join(sorted(known.alone))
        for found in re.finditer(rf"\b[Tt]he ((?i:{words}))\b(?! [A-Z])(?! of\b)", text):
            if chapters[0].char_start <= found.start() < chapters[-1].char_end:
                alone[found[1]].append(found.span())
    nameless: list[Character] = []
    for title in sorted(word for word in alone if word[0].isupper()):
        places = alone[title]
        index, count = bearers[title].most_common(1)[0] if bearers[title] else (-1, 0)
        named = sum(bearers[title].values())
        if count >= max(_FEWEST_TITLED, _ALONE_SHARE * (cast[index].mentions if count else 0), _OWN_SHARE * named):
            added[index] += [(f"the {title}", start, end) for start, end in places]
        elif named <= _OTHER_TITLE * len(places) and len(alone[title.lower()]) < len(places):
            counts = chapter_counts([start for start, _ in places], chapters)
            gender, forms = _sex(known.titles[title.lower()]), {f"the {title}": len(places)}
            nameless.append(Character(f"the {title}", PERSON, gender, forms, counts, tuple(places)))
    return [*(_with_more(one, added.get(index, []), chapters) for index, one in enumerate(cast)), *nameless]


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
