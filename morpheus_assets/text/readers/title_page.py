"""Title and author as a text's first lines say them: a title page's "by …", or fields that a downloader wrote."""

import re
from itertools import islice

from morpheus_assets.text.chapters.grammar import parse_heading
from morpheus_assets.text.chapters.matter import matter_kind
from morpheus_assets.text.chapters.words import title_key

_LINE = re.compile(r"[^\n]*\S[^\n]*")
_TITLE = "Title|Titre|Titel|Título|Titolo|Название|Tên truyện|Truyện|书名|書名|小说名|作品名|タイトル|제목"
_AUTHOR = "Author|Auteur|Autor|Autore|Автор|Tác giả|作者|著者|作者名|지은이|글쓴이|저자|작가|Written by"
_FIELD = re.compile(rf"(?:(?P<title>{_TITLE})|(?P<author>{_AUTHOR}))\s*[:：]\s*(?P<value>\S.{{0,99}})", re.IGNORECASE)
_NAMED = re.compile(rf"《(?P<title>[^《》]{{1,60}})》\s*(?:(?:{_AUTHOR})\s*[:：]\s*(?P<author>\S.{{0,40}}))?")
_BY = re.compile(r"(?:written )?(?:by|von|par|por|av|af|door)(?:\s+(?P<name>\S.{1,60}))?", re.IGNORECASE)
_SPLIT = re.compile(r"\s+[-–—|]\s+|,? by |—\s*")
_COMMA_BY = re.compile(r"(?P<title>.{2,200}?), by (?P<author>[^,]{2,60}(?:, Jr\.?)?)")
_SITE = re.compile(
    r"\s*\[Archive of Our Own\]\s*$|\s*[|–—-]\s*(?:Royal Road|Wattpad|Fan[Ff]iction(?:\.net)?|Archive of Our Own|"
    r"Web[Nn]ovel|Scribble ?Hub|Wikisource(?:, the free online library)?|(?:A )?Project Gutenberg(?: eBook)?)\s*$"
)
_NOTICE = re.compile(r"^\*|Project Gutenberg", re.IGNORECASE)
_HEAD, _LINES, _LONGEST = 3_000, 12, 90
_MOST_ABOVE = 3


def title_page(text: str) -> tuple[str | None, str | None]:
    """(title, author) of a text that names them before it begins; None for what it does not say."""
    found = (match.group().strip() for match in _LINE.finditer(text[:_HEAD]))
    lines = list(islice((line for line in found if not _NOTICE.search(line)), _LINES))
    title = author = None
    for index, line in enumerate(lines):
        if len(line) > _LONGEST * 2:
            break
        field, named = _FIELD.fullmatch(line), _NAMED.fullmatch(line)
        if field is not None:
            title = title or (field["value"] if field["title"] else None)
            author = author or (field["value"] if field["author"] else None)
        elif named is not None and index < _MOST_ABOVE:
            title, author = title or named["title"], author or named["author"]
        elif title is None and author is None and 0 < index <= _MOST_ABOVE and (name := _name(lines, index)):
            return (lines[0], name) if _may_name_a_book(lines[:index]) else (None, None)
    return (title.strip() if title else None), (author.strip() if author else None)


def page_title(title: str | None, heading: str | None) -> tuple[str | None, str | None]:
    """(title, author) in the <title> of a page whose first heading is `heading`: sites add their own name to it."""
    if not title or not title.strip():
        return None, None
    bare = _SITE.sub("", title).strip()
    key = title_key(heading or "")
    for match in _SPLIT.finditer(bare):
        before, after = bare[: match.start()].strip(), bare[match.end() :].strip()
        if key and title_key(before) == key:
            return before, after.rstrip(".") if "by " in match.group() and after else None
    named = _COMMA_BY.fullmatch(bare.removesuffix("."))
    return (named["title"].strip(), named["author"].strip()) if named else (bare or None, None)


def _name(lines: list[str], index: int) -> str | None:
    """The name after "by", on the same line or on the next."""
    by = _BY.fullmatch(lines[index])
    if by is None:
        return None
    name = by["name"] or (lines[index + 1] if index + 1 < len(lines) else "")
    words = name.split()
    plain = 0 < len(words) <= 6 and not name.endswith((",", ";", ":", "!", "?")) and not any(map(str.isdigit, name))
    return name.rstrip(".") if plain and (by["name"] is None or name[0].isupper() or len(words) == 1) else None


def _may_name_a_book(lines: list[str]) -> bool:
    if any(len(line) > _LONGEST for line in lines) or lines[0].endswith((",", ";")):
        return False
    parsed = parse_heading(lines[0])
    return (parsed is None or not parsed.unit) and matter_kind(lines[0]) is None
