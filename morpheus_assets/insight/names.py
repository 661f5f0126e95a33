"""Names in a text of a script with capitals: where each stands, and what speaks for a person or for a place."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from morpheus_assets.insight.people_words import PeopleWords

_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*(?:['’]s?\b)?\.?")
_OPENS = re.compile(r"""(?:^|[.!?…:;]["'”’»)\]_*]*\s|["“”«»„‘—(\[_*]|--|\n\s*\n)\s*\Z""")
_POSSESSIVE = re.compile(r"['’]s?$")
_BETWEEN = re.compile(r"[ \t]*\n?[ \t]*\Z")
_ELISION = re.compile(r"[DdLl]['’](?=[^\W\d_]{2})")
_LOOK_BACK = 6
_SAME_SENTENCE = 90
_PRONOUN = re.compile(r"\b(?:he|him|his|himself|she|her|herself|hers|il|elle|er|sie|él|ella|он|она)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"""[.!?…]["'”’»]*\s|\n\s*\n""")
_MOST_LOWER = 0.25
_USUALLY = 0.6


@dataclass(slots=True)
class Mention:
    """A name as it stands at text[start:end]: its title ("Mr.") and its words, without possessive endings."""

    start: int
    end: int
    title: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """Title and words as one name."""
        return " ".join((self.title, *self.words) if self.title else self.words)


@dataclass
class Evidence:
    """How often a name speaks, has a title, or stands where a place does."""

    count: int = 0
    titled: int = 0
    speaks: int = 0
    owns: int = 0
    in_place: int = 0
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
    mentions: list[Mention] = []
    elided: set[int] = set()
    for group in tokens:
        mentions += _mentions(text, group, names, known)
        elided |= {token.start for token in group if token.elided}
    return _with_particles(mentions, elided)


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
    for mention in mentions:
        evidence = found.setdefault(mention.words, Evidence())
        evidence.count += 1
        evidence.titled += bool(mention.title)
        evidence.forms[mention.text] += 1
        before = text[max(0, mention.start - 30) : mention.start].split()
        after = text[mention.end : mention.end + 30]
        last = before[-1].lower() if before else ""
        told = _PRONOUN.search(after_name := text[mention.end : mention.end + _SAME_SENTENCE])
        if told and not _SENTENCE_END.search(after_name, 0, told.start()):
            evidence.he += known.pronouns.get(told[0].lower()) == "m"
            evidence.she += known.pronouns.get(told[0].lower()) == "f"
        following = re.match(r"(['’]s)?\s{0,3}([^\W\d_]+)", after)
        next_word = following.group(2).lower() if following else ""
        evidence.speaks += next_word in known.speech or last in known.speech
        evidence.owns += bool(following and following.group(1)) or text[mention.end - 2 : mention.end] in ("'s", "’s")
        evidence.in_place += last in known.in_place
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
            titled[word] += behind in known.titles and behind not in known.epithets
            if not token.opens:
                capital[word] += 1
    names = set()
    for word, count in (capital + titled).items():
        folded = word.lower().replace("’", "'")
        if folded in known.never or folded in known.titles or folded in known.place_words or len(word) < 2:
            continue
        if known.every_noun:
            # All nouns have capitals: a name has a title, or is never used with an article.
            if titled[word] >= 1 and lower[word.lower()] == 0:
                names.add(word)
        elif lower[word.lower()] <= _MOST_LOWER * count:
            names.add(word)
    return frozenset(names)


def _mentions(text: str, tokens: Sequence[_Token], names: frozenset[str], known: PeopleWords) -> Iterator[Mention]:
    index = 0
    while index < len(tokens):
        title = ""
        start = index
        while index < len(tokens) and _is_title(tokens[index], known) and index - start < 2:
            follows = index + 1 < len(tokens) and _joined(text, tokens[index], tokens[index + 1])
            if not follows:
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
            if token.plain in names:
                words.append(token.plain)
                index += 1
                if token.text != token.plain and _POSSESSIVE.search(token.text):
                    break
            elif words and token.lower in known.place_words and token.plain[:1].isupper():
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
    return word[:1].isupper() and word.lower() in known.titles and not (word.isupper() and len(word) > 2)


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
