"""Names in a text of a script with capitals: where each stands, and what speaks for a person or for a place."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from morpheus_assets.insight.given_names import given_gender
from morpheus_assets.insight.people_words import KIN, PeopleWords

_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*(?:['’]s?\b)?\.?")
_OPENS = re.compile(r"""(?:^|[.!?…:;]["'”’»)\]_*]*\s|["“”«»„‘—(\[_*]|--|\n\s*\n)\s*\Z""")
_POSSESSIVE = re.compile(r"['’]s?$")
_BETWEEN = re.compile(r"[ \t]*\n?[ \t]*\Z")
_ELISION = re.compile(r"[DdLl]['’](?=[^\W\d_]{2})")
_LOOK_BACK = 6
_SAME_SENTENCE = 90
_SENTENCE_END = re.compile(r"""[.!?…]["'”’»]*\s|\n\s*\n""")
_MOST_LOWER = 0.25
_USUALLY = 0.6
_FEWEST_SPOKEN = 3
_MOST_DETERMINED, _LEAST_TOLD, _PLACE_WAYS = 0.12, 0.03, 2
_FIRST_FORMS = 0.25
_FEWEST_PAIRED, _PAIRED = 3, 0.2
_ALSO_A_WOMANS, _VOWELS = "а", "аеиоуыьйяю"


@dataclass(slots=True)
class Mention:
    """A name as it stands at text[start:end]: its title ("Mr.") and its words, without possessive endings.

    `written` are the words as they stand there, where an inflected name was taken for its first form; else ().
    """

    start: int
    end: int
    title: str
    words: tuple[str, ...]
    written: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Title and words as one name, as they are written."""
        words = self.written or self.words
        return " ".join((self.title, *words) if self.title else words)

    @property
    def name(self) -> str:
        """Title and words as one name, in their first form."""
        return " ".join((self.title, *self.words) if self.title else self.words)


@dataclass
class Evidence:
    """How often a name speaks, has a title, or stands where a place does."""

    count: int = 0
    titled: int = 0
    speaks: int = 0
    owns: int = 0
    in_place: int = 0
    inside: int = 0
    after_the: int = 0
    he: int = 0
    she: int = 0
    forms: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Token:
    start: int
    end: int
    text: str
    opens: bool
    elided: bool = False

    @property
    def plain(self) -> str:
        return _POSSESSIVE.sub("", self.text).rstrip(".")

    @property
    def lower(self) -> str:
        return self.plain.lower().replace("’", "'")


def find_mentions(text: str, known: PeopleWords, spans: Sequence[tuple[int, int]]) -> list[Mention]:
    """Names within the spans, in order. Words that open a sentence count where they are names elsewhere."""
    tokens = [list(_tokens(text, start, end)) for start, end in spans]
    names = _name_words(tokens, known)
    pairs = _pairs(tokens, names, known)
    mentions: list[Mention] = []
    elided: set[int] = set()
    for group in tokens:
        mentions += _mentions(text, group, names, pairs, known)
        elided |= {token.start for token in group if token.elided}
    return _in_first_form(text, _with_particles(mentions, elided), known)


def _in_first_form(text: str, mentions: list[Mention], known: PeopleWords) -> list[Mention]:
    """ "Gregors" is Gregor's, and "Раскольникову" is said to Раскольников: where the first form is a name too."""
    counts = Counter(word for mention in mentions for word in mention.words)
    first = {word: form for word in counts if (form := _first_form(word, counts, known)) != word}
    found: list[Mention] = []
    for mention in mentions:
        for each in _in_one_case(text, mention, first) if known.cases else (mention,):
            if first.keys() & set(each.words):
                each.written = each.words
                each.words = tuple(first.get(word, word) for word in each.words)
            found.append(each)
    return found


def _in_one_case(text: str, mention: Mention, first: Mapping[str, str]) -> list[Mention]:
    """ "сказала Катерина Ивановна Раскольникову" names two: whoever is one has all of the name in one case."""
    inflected = [word in first and not word.endswith(_ALSO_A_WOMANS) for word in mention.words]
    place = inflected.index(True) if True in inflected else 0
    if not place:
        return [mention]
    begin = text.index(mention.words[place], mention.start)
    end = mention.start + len(text[mention.start : begin].rstrip())
    return [
        Mention(mention.start, end, mention.title, mention.words[:place]),
        Mention(begin, mention.end, "", mention.words[place:]),
    ]


def _first_form(word: str, counts: Counter[str], known: PeopleWords) -> str:
    stem = word.removesuffix(known.genitive) if known.genitive else word
    if stem != word and len(stem) > 2 and counts[stem] >= counts[word]:
        return stem
    found: dict[str, int] = {}
    for ending, others in known.cases:
        for other in others.split():
            form = f"{word.removesuffix(other)}{ending}"
            if word.endswith(other) and len(word) - len(other) > 2 and not (not ending and form[-1] in _VOWELS):
                found[form] = counts[form]
    best = max(found, key=lambda form: (found[form], -len(form), form), default=word)
    if counts[best] < max(1, _FIRST_FORMS * counts[word]):
        return word
    if not best.endswith(_ALSO_A_WOMANS):
        return best
    # "Лужину" is nearest to "Лужина", which is Лужин's.
    bare = best.removesuffix(_ALSO_A_WOMANS)
    return bare if counts[bare] >= max(1, _FIRST_FORMS * counts[best]) and bare[-1] not in _VOWELS else best


def _with_particles(mentions: list[Mention], elided: set[int]) -> list[Mention]:
    """ "d'Artagnan" is called so wherever he stands; "l'épée d'Athos" is the sword of Athos."""
    every = Counter(mention.words for mention in mentions if not mention.title)
    with_it = Counter(mention.words for mention in mentions if mention.start in elided)
    for mention in mentions:
        if mention.start in elided and with_it[mention.words] >= _USUALLY * every[mention.words]:
            mention.words = (f"d'{mention.words[0]}", *mention.words[1:])
            mention.start -= 2
    return mentions


def weigh(text: str, mentions: Sequence[Mention], known: PeopleWords) -> dict[tuple[str, ...], Evidence]:
    """Evidence by the words of each name."""
    found: dict[tuple[str, ...], Evidence] = {}
    pronoun = re.compile(rf"\b(?:{'|'.join(map(re.escape, known.pronouns)) or '(?!)'})\b", re.IGNORECASE)
    for mention in mentions:
        evidence = found.setdefault(mention.words, Evidence())
        evidence.count += 1
        evidence.titled += bool(mention.title)
        evidence.forms[mention.text] += 1
        before = text[max(0, mention.start - 30) : mention.start].split()
        after = text[mention.end : mention.end + 30]
        last = before[-1].lower() if before else ""
        told = pronoun.search(after_name := text[mention.end : mention.end + _SAME_SENTENCE])
        if told and not _SENTENCE_END.search(after_name, 0, told.start()):
            evidence.he += known.pronouns.get(told[0].lower()) == "m"
            evidence.she += known.pronouns.get(told[0].lower()) == "f"
        following = re.match(r"(['’]s)?\s{0,3}([^\W\d_]+)", after)
        next_word = following.group(2).lower() if following else ""
        # "said the Hatter"
        behind = before[-2].lower() if last in known.articles and len(before) > 1 else last
        evidence.speaks += next_word in known.speech or behind in known.speech
        evidence.owns += bool(following and following.group(1)) or text[mention.end - 2 : mention.end] in ("'s", "’s")
        evidence.in_place += last in known.in_place
        evidence.inside += last in known.inside
        evidence.after_the += last in known.articles
    return found


def _tokens(text: str, start: int, end: int) -> Iterator[_Token]:
    for found in _WORD.finditer(text, start, end):
        word = found.group()
        opens = bool(_OPENS.search(text[max(start, found.start() - _LOOK_BACK) : found.start()])) or (
            not text[start : found.start()].strip()
        )
        elision = _ELISION.match(word)
        if elision:
            # "d'Artagnan" is a name with its particle, "l'Angleterre" one with an article.
            yield _Token(found.start() + 2, found.end(), word[2:], opens, elided=word[0] in "dD")
        else:
            yield _Token(found.start(), found.end(), word, opens)


def _name_words(groups: Sequence[Sequence[_Token]], known: PeopleWords) -> frozenset[str]:
    """Words that have a capital within sentences and hardly ever stand without one."""
    capital: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    titled: Counter[str] = Counter()
    spoken: Counter[str] = Counter()
    determined: Counter[str] = Counter()
    ways: dict[str, set[str]] = {}
    for tokens in groups:
        for index, token in enumerate(tokens):
            word = token.plain
            if not word:
                continue
            if word[0].islower():
                lower[word] += 1
                continue
            if word.isupper() and len(word) > 1:
                continue
            behind = tokens[index - 1].text.lower() if index else ""
            ahead = tokens[index + 1].text.lower() if index + 1 < len(tokens) else ""
            titled[word] += behind in known.titles and behind not in known.epithets
            spoken[word] += behind in known.speech or ahead in known.speech
            if not token.opens:
                capital[word] += 1
                determined[word] += behind in known.determiners
                if behind in known.in_place:
                    ways.setdefault(word, set()).add(behind)
    names = set()
    for word, count in (capital + titled).items():
        folded = word.lower().replace("’", "'")
        if folded in known.never or folded in known.titles or folded in known.place_words or len(word) < 2:
            continue
        if folded in known.calendar and titled[word] + spoken[word] < _FEWEST_SPOKEN:
            continue
        if lower[word.lower()] > (0 if known.every_noun else _MOST_LOWER * count):
            continue
        if not known.every_noun or _is_no_noun(word, known.language, count, titled, spoken, determined, ways):
            names.add(word)
    return frozenset(names)


def _is_no_noun(
    word: str,
    language: str,
    count: int,
    titled: Counter[str],
    spoken: Counter[str],
    determined: Counter[str],
    ways: dict[str, set[str]],
) -> bool:
    """Where all nouns have capitals: a name hardly ever has a determiner, and is called, speaks or is a place."""
    if determined[word] > _MOST_DETERMINED * count:
        return False
    told = titled[word] + spoken[word] >= max(2, _LEAST_TOLD * count) or titled[word] >= 1 >= count - titled[word]
    return told or len(ways.get(word, ())) >= _PLACE_WAYS or bool(given_gender((word,), language))


def _pairs(groups: Sequence[Sequence[_Token]], names: frozenset[str], known: PeopleWords) -> frozenset[tuple[str, str]]:
    """An everyday word and the name that it belongs to: "the White Rabbit"."""
    if known.every_noun:
        return frozenset()
    pairs: Counter[tuple[str, str]] = Counter()
    alone: Counter[str] = Counter()
    for tokens in groups:
        for left, right in pairwise(tokens):
            if right.plain not in names or given_gender((right.plain,), known.language):
                continue
            alone[right.plain] += 1
            told = left.lower in known.titles or left.lower in known.never or left.plain in names
            if left.plain[:1].isupper() and not (told or left.opens or right.opens or left.text != left.plain):
                pairs[(left.plain, right.plain)] += 1
    return frozenset(
        pair for pair, count in pairs.items() if count >= _FEWEST_PAIRED and count >= _PAIRED * alone[pair[1]]
    )


def _mentions(
    text: str, tokens: Sequence[_Token], names: frozenset[str], pairs: frozenset[tuple[str, str]], known: PeopleWords
) -> Iterator[Mention]:
    index = 0
    while index < len(tokens):
        title = ""
        start = index
        while index < len(tokens) and _is_title(tokens[index], known) and index - start < 2:
            follows = index + 1 < len(tokens) and _joined(text, tokens[index], tokens[index + 1])
            if not follows or (tokens[index].lower in KIN and tokens[index + 1].text.lower() in known.particles):
                break
            if tokens[index].lower not in known.epithets:
                title = f"{title} {tokens[index].text}".strip()
            index += 1
        first = index
        words: list[str] = []
        while index < len(tokens):
            token = tokens[index]
            if index > first and not _joined(text, tokens[index - 1], token):
                break
            following = tokens[index + 1].plain if index + 1 < len(tokens) else ""
            if token.plain in names or (not words and (token.plain, following) in pairs):
                words.append(token.plain)
                index += 1
                if token.text != token.plain and _POSSESSIVE.search(token.text):
                    break
            elif words and token.lower in known.place_words | known.alone and token.plain[:1].isupper():
                # "Baker Street", "the Red Queen"
                words.append(token.plain)
                index += 1
                break
            elif (words or title) and token.text.lower() in known.particles and _goes_on(text, tokens, index, names):
                words.append(token.text)
                index += 1
            else:
                break
        if words:
            last = tokens[index - 1]
            yield Mention(tokens[start].start, last.start + len(last.plain), title, tuple(words))
        else:
            index = start + 1


def _is_title(token: _Token, known: PeopleWords) -> bool:
    word = token.text
    told = word[:1].isupper() or (known.small_titles and len(word) > 1)
    return told and word.lower() in known.titles and not (word.isupper() and len(word) > 2)


def _joined(text: str, left: _Token, right: _Token) -> bool:
    return _BETWEEN.match(text[left.end : right.start]) is not None and not (
        left.text.endswith(".") and len(left.text) > 4 and right.opens
    )


def _goes_on(text: str, tokens: Sequence[_Token], index: int, names: frozenset[str]) -> bool:
    for step in (1, 2):
        if index + step >= len(tokens) or not _joined(text, tokens[index + step - 1], tokens[index + step]):
            return False
        if tokens[index + step].plain in names:
            return True
    return False
