"""Books drawn from a seed, with prologues, interludes and back matter; book_forms.py writes them in every form.

Each piece holds a sentence that occurs nowhere else, so that a piece found can be told from its text alone.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chapters.words import title_key
from morpheus_assets.text.documents import Document
from morpheus_assets_tests.text.chapters.heading_styles import STYLES, TITLES, Style, words
from morpheus_assets_tests.text.chapters.made_books import make_prose


def _halves(number: int, title: str) -> str:
    return f"Chapter {number // 2}.5" if number % 2 and number > 1 else f"Chapter {(number + 1) // 2}"


def _lettered(number: int, title: str) -> str:
    return f"Chapter {(number + 1) // 2}{'ab'[1 - number % 2]}: {title}"


NUMBERED: dict[str, Style] = STYLES | {
    "1.1 Title": lambda n, t: f"{(n - 1) // 4 + 1}.{(n - 1) % 4 + 1} {t}",
    "1-1 Title": lambda n, t: f"{(n - 1) // 4 + 1}-{(n - 1) % 4 + 1} {t}",
    "1.1": lambda n, t: f"{(n - 1) // 4 + 1}.{(n - 1) % 4 + 1}",
    "Chapter 2.5": _halves,
    "Chapter 3a: Title": _lettered,
    "Chapter 0": lambda n, t: f"Chapter {n - 1}",
    "Chapter 5 (2/8)": lambda n, t: f"Chapter {(n + 3) // 4} ({(n - 1) % 4 + 1}/4)",
    "Chapter 2, Part 2": lambda n, t: f"Chapter {(n + 1) // 2}, Part {2 - n % 2}",
    "(2/8)": lambda n, t: f"({n}/40)",
    "Vol. 2 Ch. 3": lambda n, t: f"Vol. {(n - 1) // 4 + 1} Ch. {(n - 1) % 4 + 1}",
    "Volume 2, Chapter 3: Title": lambda n, t: f"Volume {(n - 1) // 4 + 1}, Chapter {n}: {t}",
    "countdown": lambda n, t: f"Chapter {41 - n}",
    "countdown in words": lambda n, t: words(41 - n).title(),
    "Chapter: Title": lambda n, t: f"Chapter: {t}",
    "#1 Title": lambda n, t: f"#{n} {t}",
    "001 Title": lambda n, t: f"{n:03} {t}",
    "1 | Title": lambda n, t: f"{n} | {t}",
    "Part 2": lambda n, t: f"Part {n}",
    "Episode 2": lambda n, t: f"Episode {n}",
    "[b]Chapter 1[/b]": lambda n, t: f"[b]Chapter {n}[/b]",
    "[center][b]Chapter 1: Title[/b][/center]": lambda n, t: f"[center][b]Chapter {n}: {t}[/b][/center]",
    "Birinci Bölüm": lambda n, t: f"{n}. Bölüm",
    "Κεφάλαιο Α΄": lambda n, t: f"Κεφάλαιο {_greek(n)}΄",
    "Chương 1: Title": lambda n, t: f"Chương {n}: {t}",
    "Bab 1": lambda n, t: f"Bab {n}",
}
TITLED: dict[str, Style] = {
    "[b]Title[/b]": lambda n, t: f"[b]{t}[/b]",
    "**Title**": lambda n, t: f"**{t}**",
    "== Title ==": lambda n, t: f"== {t} ==",
    "# Title": lambda n, t: f"# {t}",
    "Title over a rule": lambda n, t: f"{t}\n{'-' * len(t)}",
}
_INTERLUDES = ("Interlude", "Interlude: Mira", "Side Story 1", "Intermission", "Bonus Chapter: Snow", "Extra 2")


def _greek(number: int) -> str:
    tens, units = ("", "Ι", "Κ", "Λ", "Μ"), ("", *"ΑΒΓΔΕϚΖΗΘ")
    return tens[number // 10] + units[number % 10]


class Piece(NamedTuple):
    """A piece of a book: its kind as find_chapters tells it, its number among the chapters, title and paragraphs."""

    kind: str
    number: int
    title: str
    named: bool
    sentence: str
    paragraphs: Sequence[str]


@dataclass(frozen=True)
class RandomBook:
    """The pieces in order; `count` of them are numbered chapters."""

    pieces: Sequence[Piece]
    count: int


def draw_book(draw: random.Random, *, accented: bool = True) -> RandomBook:
    """A book of five to sixteen chapters; about half have a prologue, an interlude or something at the end."""
    count = draw.randint(5, 16)
    titles = draw.sample(TITLES, count)
    pieces: list[Piece] = []

    def add(kind: str, number: int, title: str, *, named: bool) -> None:
        place = len(pieces)
        sentence = f"The clock of house {place + 1000} had stopped"
        body = [*make_prose(draw.randint(0, 400), draw.randint(1_500, 5_000))]
        who = "Renée" if accented else "Irene"
        pieces.append(Piece(kind, number, title, named, sentence, [f"{sentence}, and {who} did not wind it.", *body]))

    if draw.random() < 0.2:
        add("front", 0, "Preface", named=True)
    if draw.random() < 0.4:
        add("front", 0, draw.choice(["Prologue", "Prologue: The Flood"]), named=True)
    breaks = draw.sample(range(1, count), draw.choice([0, 0, 0, 1, 2]))
    for number, title in enumerate(titles, 1):
        add("chapter", number, title, named=False)
        if number in breaks:
            add("chapter", 0, draw.choice(_INTERLUDES), named=True)
    for chance, title in ((0.4, "Epilogue"), (0.2, "Afterword"), (0.1, "Author's Note")):
        if draw.random() < chance:
            add("back", 0, title, named=True)
    return RandomBook(pieces, count)


def misses(book: RandomBook, document: Document, title_of: Callable[[Piece], str]) -> list[str]:
    """What find_chapters gets wrong in the document; [] where each piece has its place, kind and title.

    `title_of` gives the words that a piece's title must hold.
    """
    found = find_chapters(document)
    wrong = []
    kinds = [(piece.kind, piece.title) for piece in book.pieces]
    if [kind for kind, _ in kinds] != [chapter.kind for chapter in found]:
        wrong.append(f"{[(c.kind, c.title[:30]) for c in found]} instead of {kinds}")
        return wrong
    for piece, chapter in zip(book.pieces, found, strict=True):
        text = document.text[chapter.char_start : chapter.char_end]
        if piece.sentence not in text or text.count("The clock of house") != 1:
            wrong.append(f"{chapter.title!r} does not hold its own text alone: {text[:80]!r}")
        elif title_key(title_of(piece)) not in title_key(chapter.title):
            wrong.append(f"{chapter.title!r} lacks {title_of(piece)!r}")
    return wrong
