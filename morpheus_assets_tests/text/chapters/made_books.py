"""Books made for tests: chapters of prose under any heading style, in any layout, with the true positions."""

import random
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from morpheus_assets.text.languages import listed
from morpheus_assets_tests.text.chapters.heading_styles import TITLES, TITLES_ZH, Style, roman

_SUBJECTS = listed(
    """the miller|her brother|the old priest|nobody in the village|Martha|the captain|a stranger
Mr. Holt|the girl|his aunt""",
    "|",
)
_VERBS = listed(
    """walked slowly towards|had never spoken of|looked for|remembered|was afraid of|laughed at
came back from|would not sell|had heard about|kept a key to""",
    "|",
)
_OBJECTS = listed(
    """the mill below the bridge|the letter|a lantern that burned all night|the harbour
the road to the mountains|his second chapter of misfortunes|part of the garden
the winter of that year|an empty chair|the bell""",
    "|",
)
_ZH = listed(
    "那年冬天雪下得很大，|老人坐在門前，|她想起從前的事，|河水慢慢流過，|沒有人說話，|他把信放在桌上，|月亮升了起來。|遠處傳來鐘聲。|孩子們跑過石橋。|這是第二回了。",
    "|",
)


@dataclass(frozen=True)
class Layout:
    """What surrounds the headings."""

    parts: int = 1
    contents: str = ""
    before: int = 3
    after: int = 1
    wrap: int = 72
    blank_lines: bool = True
    gutenberg: bool = False
    preface: bool = False
    form_feed: bool = False
    missing: int = 0


@dataclass(frozen=True)
class MadeBook:
    """The text and the 1-based lines of its true chapter headings."""

    text: str
    lines: tuple[int, ...]


@cache
def make_prose(seed: int, length: int = 3_000, chinese: bool = False) -> list[str]:
    """Paragraphs of about `length` characters in all, the same for the same seed."""
    random_ = random.Random(seed)
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < (length // 3 if chinese else length):
        if chinese:
            paragraphs.append("　　" + "".join(random_.choices(_ZH, k=random_.randint(2, 9))) + "完。")
            continue
        sentences = []
        for _ in range(random_.randint(1, 6)):
            sentence = " ".join(random_.choice(words) for words in (_SUBJECTS, _VERBS, _OBJECTS))
            sentences.append(sentence[0].upper() + sentence[1:] + random_.choice([".", ".", ".", "!", "?"]))
        text = " ".join(sentences)
        paragraphs.append(random_.choice([text, text, f'"{text}"', f'"I think," said Holt, "{text}"']))
        if random_.random() < 0.03:
            paragraphs.append(
                random_.choice(["STOP THIEF!", "M. HOLT", "THE END IS NEAR.", "I.", "Yours ever,", "May 3"])
            )
    return paragraphs


def make_book(
    style: Style, layout: Layout, count: int = 14, chinese: bool = False, bodies: Sequence[Sequence[str]] = ()
) -> MadeBook:
    """A book of `count` chapters; `bodies` may give their paragraphs (else they are made up)."""
    titles = TITLES_ZH if chinese else TITLES
    per_part = -(-count // layout.parts)
    numbers = [index % per_part + 1 for index in range(count)]
    headings = [style(number, titles[index % len(titles)]) for index, number in enumerate(numbers)]
    out: list[str] = ["A BOOK OF THE VALLEY", "", "by Nobody In Particular", "", ""]
    if layout.gutenberg:
        start = "*** START OF THIS PROJECT GUTENBERG EBOOK A BOOK OF THE VALLEY ***"
        out = ["The Project Gutenberg EBook of A Book of the Valley", "", start, "", "Produced by Nobody", "", "", *out]
    if layout.preface:
        out += ["PREFACE", "", *_laid_out(make_prose(99, 1_500), layout), "", ""]
    if layout.contents:
        out += ["CONTENTS", "", *_contents(headings, layout, per_part), "", "", ""]
    places: list[int] = []
    for index, heading in enumerate(headings):
        if layout.parts > 1 and index % per_part == 0:
            out += [*[""] * layout.before, f"PART {roman(index // per_part + 1)}", ""]
        out += [""] * layout.before
        if not (layout.missing and index + 1 == layout.missing):
            places.append(len(out) + 1)
            lines = heading.split("\n")
            out += [("\f" if layout.form_feed else "") + lines[0], *lines[1:], *[""] * layout.after]
        body = bodies[index % len(bodies)] if bodies else make_prose(index, chinese=chinese)
        out += _laid_out(body, layout)
    if layout.gutenberg:
        out += [
            "",
            "",
            "End of the Project Gutenberg EBook of A Book of the Valley",
            "",
            "*** END OF THIS PROJECT GUTENBERG EBOOK ***",
        ]
        out += ["", "START: FULL LICENSE", "", "1.E.1. You may copy it.", "", "1.E.2. You may give it away.", ""] * 3
    if layout.blank_lines:
        return MadeBook("\n".join(out), tuple(places))
    kept = [number for number, line in enumerate(out, 1) if line.strip()]
    renumbered = {number: place for place, number in enumerate(kept, 1)}
    return MadeBook("\n".join(out[number - 1] for number in kept), tuple(renumbered[place] for place in places))


def _laid_out(paragraphs: Sequence[str], layout: Layout) -> list[str]:
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += _wrapped(paragraph, layout.wrap) if layout.wrap and paragraph[0] != "　" else [paragraph]
        lines.append("")
    return lines


@cache
def _wrapped(paragraph: str, width: int) -> list[str]:
    return textwrap.wrap(paragraph, width)


def _contents(headings: Sequence[str], layout: Layout, per_part: int) -> list[str]:
    lines: list[str] = []
    for index, heading in enumerate(headings):
        if layout.parts > 1 and index % per_part == 0:
            lines += [f"PART {roman(index // per_part + 1)}", ""]
        entry = " ".join(heading.split())
        if layout.contents == "pages":
            entry = f"{entry} {'.' * max(3, 60 - len(entry))} {index * 12 + 3}"
        lines += [entry, ""] if layout.contents != "tight" else [entry]
    return lines


PLAIN = Layout()
LAYOUTS: dict[str, Layout] = {
    "plain": PLAIN,
    "one blank line": replace(PLAIN, before=1),
    "contents": replace(PLAIN, contents="spaced"),
    "tight contents": replace(PLAIN, contents="tight", before=2),
    "contents with pages": replace(PLAIN, contents="pages"),
    "contents, preface": replace(PLAIN, contents="spaced", preface=True),
    "parts, restarting": replace(PLAIN, parts=3),
    "parts, restarting, contents": replace(PLAIN, parts=3, contents="tight"),
    "gutenberg": replace(PLAIN, gutenberg=True, contents="spaced", preface=True),
    "unwrapped": replace(PLAIN, wrap=0, before=1),
    "no blank lines": replace(PLAIN, blank_lines=False),
    "form feeds": replace(PLAIN, form_feed=True, before=1),
    "one heading lost": replace(PLAIN, missing=5),
}
