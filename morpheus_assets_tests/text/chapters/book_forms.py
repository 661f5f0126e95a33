"""Random books as files: plain text, HTML, Markdown, EPUB and Word, each in the ways that people's files are made."""

import random
import textwrap
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from morpheus_assets_tests.text.chapters.random_books import NUMBERED, TITLED, Piece, RandomBook
from morpheus_assets_tests.text.readers.container_files import epub, page, word_document

BOOK = "The Valley of Mills"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "iso-8859-1")


class MadeFile(NamedTuple):
    """A file, a word for the way it is made, and what each piece's title must hold."""

    name: str
    data: bytes
    way: str
    title_of: Callable[[Piece], str]


def as_text(book: RandomBook, draw: random.Random) -> MadeFile:
    """Any heading style; lines wrapped or not; one to three blank lines before a heading."""
    style = draw.choice([*NUMBERED, *TITLED])
    write = (NUMBERED | TITLED)[style]
    gap = draw.randint(1, 3)
    wrap = draw.choice([0, 65, 72])
    top = 40 - book.count if style.startswith("countdown") else 0
    capitals = draw.random() < 0.5

    def heading(piece: Piece) -> str:
        if piece.named:
            return _dressed(write, piece.title.upper() if capitals else piece.title)
        return write(piece.number + top, piece.title)

    lines = [BOOK, "", "by A. Writer", ""]
    if draw.random() < 0.3 and style not in TITLED:
        lines += ["CONTENTS", "", *(" ".join(heading(piece).split()) for piece in book.pieces), "", ""]
    for piece in book.pieces:
        lines += [""] * gap + [*heading(piece).split("\n"), ""]
        for paragraph in piece.paragraphs:
            lines += [*(textwrap.wrap(paragraph, wrap) if wrap else [paragraph]), ""]
    encoding = draw.choice([e for e in ENCODINGS if e.startswith("utf") or style.isascii()])
    data = "\n".join(lines).encode(encoding, errors="replace")
    shows_title = "T" in style.replace("The", "").replace("Title", "T") and "Title" in style
    return MadeFile("book.txt", data, f"{style}, gap {gap}, wrap {wrap}, {encoding}", _title_or(shows_title))


def as_html(book: RandomBook, draw: random.Random) -> MadeFile:
    """Headings of every level, classes, bold paragraphs and threadmarks; sometimes scenes inside the chapters."""
    way = draw.choice([*_HTML_HEADINGS])
    numbered = draw.random() < 0.5
    scenes = draw.random() < 0.25
    body = f"<h1>{BOOK}</h1><p>by A. Writer</p>" if draw.random() < 0.5 else ""
    if draw.random() < 0.3:
        links = (f'<li><a href="#p{i}">{escape(_heading(p, numbered))}</a></li>' for i, p in enumerate(book.pieces))
        body += f"<h2>Contents</h2><ul>{''.join(links)}</ul>"
    for index, piece in enumerate(book.pieces):
        body += f'<a id="p{index}"></a>' + _HTML_HEADINGS[way](escape(_heading(piece, numbered)))
        body += _scenes(piece, "h3" if way == "h2" else "h5") if scenes and way in ("h2", "h3") else _prose(piece)
    data = f"<!DOCTYPE html><html><head><meta charset='utf-8'><title>{BOOK}</title></head><body>{body}</body></html>"
    return MadeFile("book.html", data.encode(), f"{way}, numbered {numbered}, scenes {scenes}", _title_or(True))


def as_markdown(book: RandomBook, draw: random.Random) -> MadeFile:
    """Headings with marks, underlined or bold, with Pandoc's attributes and title blocks or without."""
    way = draw.choice([*_MARKDOWN_HEADINGS])
    numbered = draw.random() < 0.5
    top = draw.choice(
        ["", f"% {BOOK}\n% A. Writer\n\n", f"---\ntitle: {BOOK}\n---\n\n", f"# {BOOK}\n\nby A. Writer\n\n"]
    )
    scenes = way == "##" and draw.random() < 0.3
    text = top if way != "#" or not top.startswith("#") else ""
    for piece in book.pieces:
        text += _MARKDOWN_HEADINGS[way](_heading(piece, numbered)) + "\n\n"
        for index, paragraph in enumerate(piece.paragraphs):
            marks = f"### {index // 6 + 1}\n\n" if scenes and index % 6 == 0 else ""
            text += f"{marks}{paragraph}\n\n"
    return MadeFile(
        "book.md", text.encode(), f"{way}, numbered {numbered}, scenes {scenes}, {top[:3]!r}", _title_or(True)
    )


def as_epub(book: RandomBook, draw: random.Random) -> MadeFile:
    """With a nav, an NCX, both or neither; files split or shared; with its contents in the spine or without."""
    contents = draw.choice(["nav", "ncx", "both", "neither"])
    layout = draw.choice(["a file each", "a file each", "split", "anchors"])
    ways = ["h1", "h2", "p class", "bold", "generic", "none"]
    way = draw.choice(ways if contents != "neither" else ways[:4])
    numbered = draw.random() < 0.5
    listed = draw.random() < 0.4
    pages: dict[str, str] = {}
    targets: list[tuple[str, str]] = []
    for index, piece in enumerate(book.pieces):
        label = _heading(piece, numbered)
        head = _EPUB_HEADINGS[way](escape(label))
        name = f"c{index // 3 if layout == 'anchors' else index:03}.xhtml"
        if layout == "anchors":
            targets.append((f"{name}#a{index}", label))
            pages[name] = pages.get(name, "") + f'<div id="a{index}">{head}{_prose(piece)}</div>'
        elif layout == "split":
            targets.append((name, label))
            middle = len(piece.paragraphs) // 2
            pages[name] = head + _paragraphs(piece.paragraphs[:middle])
            pages[f"c{index:03}_split_001.xhtml"] = _paragraphs(piece.paragraphs[middle:])
        else:
            targets.append((name, label))
            pages[name] = head + _prose(piece)
    links = "".join(f'<li><a href="{href}">{escape(label)}</a></li>' for href, label in targets)
    front = {"title.xhtml": f"<h1>{BOOK}</h1><p>by A. Writer</p>"} if draw.random() < 0.5 else {}
    if listed:
        front["contents.xhtml"] = f"<h1>Contents</h1><ul>{links}</ul>"
    nav = page(f'<nav epub:type="toc"><h1>Contents</h1><ol>{links}</ol></nav>') if contents in ("nav", "both") else ""
    points = "".join(
        f'<navPoint><navLabel><text>{escape(label)}</text></navLabel><content src="{href}"/></navPoint>'
        for href, label in targets
    )
    ncx = f"<ncx><navMap>{points}</navMap></ncx>" if contents in ("ncx", "both") else ""
    made = {name: page(body) for name, body in (front | pages).items()}
    return MadeFile(
        "book.epub",
        epub(made, nav=nav, ncx=ncx),
        f"{contents}, {layout}, {way}, numbered {numbered}, contents page {listed}",
        _title_or(True),
    )


def as_docx(book: RandomBook, draw: random.Random) -> MadeFile:
    """Word's own headings, derived styles, outline levels, direct formatting, and numbers that Word counts."""
    way = draw.choice(
        ["heading", "derived", "outline", "bold centred", "title style", "numbered heading", "bare number"]
    )
    numbered = way not in ("numbered heading", "bare number") and draw.random() < 0.5
    paragraphs: list[tuple[str, str]] = []
    for piece in book.pieces:
        if piece.named or way not in ("numbered heading", "bare number"):
            paragraphs.append((_unnumbered(way), _heading(piece, numbered)))
        else:
            paragraphs.append((way, piece.title if way == "numbered heading" else ""))
        paragraphs += [("", paragraph) for paragraph in piece.paragraphs]
    return MadeFile(
        "book.docx", word_document(paragraphs), f"{way}, numbered {numbered}", _title_or(way != "bare number")
    )


FORMS: dict[str, Callable[[RandomBook, random.Random], MadeFile]] = {
    "txt": as_text,
    "html": as_html,
    "md": as_markdown,
    "epub": as_epub,
    "docx": as_docx,
}

_HTML_HEADINGS: dict[str, Callable[[str], str]] = {
    "h1": lambda t: f"<h1>{t}</h1>",
    "h2": lambda t: f"<h2>{t}</h2>",
    "h3": lambda t: f"<h3>{t}</h3>",
    "h4": lambda t: f'<div class="chapter"><h4 class="title">{t}</h4></div>',
    "p.chapter-title": lambda t: f'<p class="chapter-title">{t}</p>',
    "p.ChapterTitle": lambda t: f'<p class="calibre3 ChapterTitle">{t}</p>',
    "div.chapter_title": lambda t: f'<div class="chapter_title"><p>{t}</p></div>',
    "p b": lambda t: f"<p><b>{t}</b></p>",
    "p centred b": lambda t: f'<p align="center"><strong>{t}</strong></p>',
    "span.bold": lambda t: f'<p><span style="font-weight: bold">{t}</span></p>',
    "threadmark": lambda t: f'<article><header><span class="threadmarkLabel">{t}</span></header></article>',
}
_MARKDOWN_HEADINGS: dict[str, Callable[[str], str]] = {
    "#": lambda t: f"# {t}",
    "##": lambda t: f"## {t}",
    "setext": lambda t: f"{t}\n{'=' * len(t)}",
    "**": lambda t: f"**{t}**",
    "***": lambda t: f"***{t}***",
    "__": lambda t: f"__{t}__",
    "attributes": lambda t: f"# {t} {{#x .unnumbered}}",
}
_EPUB_HEADINGS: dict[str, Callable[[str], str]] = {
    "h1": lambda t: f"<h1>{t}</h1>",
    "h2": lambda t: f"<h2>{t}</h2>",
    "p class": lambda t: f'<p class="chapter-title">{t}</p>',
    "bold": lambda t: f'<p class="calibre8"><b>{t}</b></p>',
    "generic": lambda t: "<h1>Chapter Text</h1>",
    "none": lambda t: "",
}


def _heading(piece: Piece, numbered: bool) -> str:
    return piece.title if piece.named or not numbered else f"Chapter {piece.number}: {piece.title}"


def _title_or(shown: bool) -> Callable[[Piece], str]:
    return lambda piece: piece.title if shown or piece.named else ""


def _dressed(style: Callable[[int, str], str], title: str) -> str:
    """The title of a prologue in the marks that the style puts around its chapters' headings."""
    sample = style(1, "X")
    for opening, closing in (
        ("[center][b]", "[/b][/center]"),
        ("[b]", "[/b]"),
        ("**", "**"),
        ("== ", " =="),
        ("# ", ""),
    ):
        if sample.startswith(opening) and sample.endswith(closing):
            return f"{opening}{title}{closing}"
    return f"{title}\n{'-' * len(title)}" if sample.endswith("\n-") else title


def _paragraphs(paragraphs: Sequence[str]) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in paragraphs)


def _prose(piece: Piece) -> str:
    return _paragraphs(piece.paragraphs)


def _scenes(piece: Piece, tag: str) -> str:
    """The piece's text under headings "Scene 1" and "Scene 2"."""
    middle = len(piece.paragraphs) // 2
    first, second = _paragraphs(piece.paragraphs[:middle]), _paragraphs(piece.paragraphs[middle:])
    return f"<{tag}>Scene 1</{tag}>{first}<{tag}>Scene 2</{tag}>{second}"


def _unnumbered(way: str) -> str:
    return {"numbered heading": "heading", "bare number": "heading"}.get(way, way)
