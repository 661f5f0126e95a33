"""EPUBs of pictures as books of pages: the pictures in the order of the spine, with the regions that the author named.

Regions are those of EPUB Region-Based Navigation 1.0 (IDPF, 2014): links into pages with #xywh=percent:x,y,w,h.
"""

import posixpath
import re
from typing import Any, BinaryIO
from urllib.parse import unquote

from morpheus_assets.images.books.archives import open_zip
from morpheus_assets.images.books.values import Book, BookFacts, BookPage, UnreadableBook
from morpheus_assets.images.errors import shown
from morpheus_assets.images.reading_order import Direction

_XYWH = re.compile(r"xywh=(percent:|pixel:)?([\d.]+),([\d.]+),([\d.]+),([\d.]+)", re.I)
_BACKGROUND = re.compile(r"""url\(\s*["']?([^"')]+)""")
# Documents of navigation: regions stand in that of data, and some programs write them into the table of contents.
_NAVIGATION = {"nav", "data-nav"}
_LETTERING = {"balloon", "text-area", "sound-area"}
Frame = tuple[float, float, float, float]


def open_epub(file: BinaryIO, name: str) -> Book:
    """The pictures of an EPUB, one a page. Raises UnreadableBook where it has none."""
    book = open_zip(file, name)
    try:
        container = _xml(book.read("META-INF/container.xml"))
        package_path = next(_attribute(e, "full-path") for e in container.iter() if _local(e) == "rootfile")
        package = _xml(book.read(package_path))
    except (UnreadableBook, KeyError, StopIteration, AttributeError) as error:
        raise UnreadableBook(f"{shown(name)} has no readable package document: export the EPUB again.") from error
    base = posixpath.dirname(package_path)
    files = {_attribute(e, "id"): _joined(base, _attribute(e, "href")) for e in package.iter() if _local(e) == "item"}
    navigation = [
        _joined(base, _attribute(e, "href"))
        for e in package.iter()
        if _local(e) == "item" and _NAVIGATION & set(_attribute(e, "properties").split())
    ]
    if _protected(book):
        raise UnreadableBook(
            f"{shown(name)} is protected by DRM (its pictures are encrypted): use a copy without protection."
        )
    regions = _regions(book, navigation)
    known = {page.entry for page in book.pages}
    pages: dict[str, BookPage] = {}
    direction = None
    for element in package.iter():
        if _local(element) == "spine":
            direction = _attribute(element, "page-progression-direction") or None
        if _local(element) != "itemref":
            continue
        document = files.get(_attribute(element, "idref"), "")
        pictures = [document] if document in known else _pictures(book, document, known)
        for picture in pictures:
            frames = regions.get(document, ()) if len(pictures) == 1 else ()
            pages.setdefault(picture, BookPage(picture, frames=tuple(frames), in_shares=True))
    if not pages:
        raise UnreadableBook(f"{shown(name)} has no pictures in its pages: a text belongs into novels/.")
    facts = BookFacts(
        title=_text(package, "title"),
        writer=_text(package, "creator"),
        language=_text(package, "language"),
        direction=_direction(package, direction),
    )
    return Book("epub", tuple(pages.values()), book.read, facts, book.refused, book.skipped)


def _protected(book: Book) -> bool:
    """True where a page of the book is encrypted, by META-INF/encryption.xml."""
    try:
        root = _xml(book.read("META-INF/encryption.xml"))
    except (UnreadableBook, KeyError):
        return False
    pictures = {page.entry for page in book.pages}
    referred = [_attribute(e, "URI") for e in root.iter() if _local(e) == "CipherReference"] if root is not None else []
    return any(posixpath.normpath(unquote(path)) in pictures for path in referred)


def _pictures(book: Book, document: str, known: set[str]) -> list[str]:
    try:
        root = _xml(book.read(document))
    except (UnreadableBook, KeyError):
        return []
    found = []
    for element in root.iter() if root is not None else ():
        for href in _referred(element):
            path = _joined(posixpath.dirname(document), href)
            if path in known and path not in found:
                found.append(path)
    return found


def _referred(element: Any) -> list[str]:
    """What an element shows: a picture of HTML or SVG, an object, or a background in its style."""
    tag = _local(element)
    if tag in ("img", "image"):
        return [_attribute(element, "src") or _attribute(element, "href")]
    if tag == "object":
        return [_attribute(element, "data")]
    return _BACKGROUND.findall(_attribute(element, "style"))


def _regions(book: Book, navigation: list[str]) -> dict[str, list[Frame]]:
    """The panels of each document in reading order, in shares of its page; groups where it has no panels.

    Balloons and other lettering are regions of their own in the navigation, within their panel.
    """
    panels: dict[str, list[Frame]] = {}
    groups: dict[str, list[Frame]] = {}
    for path in navigation:
        try:
            root = _xml(book.read(path))
        except (UnreadableBook, KeyError):
            continue
        for nav in root.iter() if root is not None else ():
            if _local(nav) != "nav" or "region-based" not in _attribute(nav, "type").split():
                continue
            for link in nav.iter():
                target, _, fragment = _attribute(link, "href").partition("#")
                match = _XYWH.search(fragment)
                kinds = _kinds(link)
                if _local(link) == "a" and match and (match[1] or "").lower() == "percent:" and not kinds & _LETTERING:
                    x, y, width, height = (float(match[i]) / 100 for i in range(2, 6))
                    document = _joined(posixpath.dirname(path), target)
                    found = groups if "panel-group" in kinds else panels
                    found.setdefault(document, []).append((x, y, x + width, y + height))
    return groups | panels


def _kinds(link: Any) -> set[str]:
    """What a link or the entry that it labels is said to be."""
    entry = next((e for e in link.iterancestors() if _local(e) == "li"), None)
    return {kind for e in (link, entry) if e is not None for kind in _attribute(e, "type").split()}


def _direction(package: Any, spine: str | None) -> Direction | None:
    """As the spine says, or else the writing mode of Kindle's editions."""
    for element in package.iter():
        if _local(element) == "meta" and _attribute(element, "name") == "primary-writing-mode" and spine is None:
            spine = "rtl" if _attribute(element, "content").endswith("-rl") else "ltr"
    return "rtl" if spine == "rtl" else "ltr" if spine == "ltr" else None


def _xml(data: bytes) -> Any:
    from lxml import etree  # type: ignore[import-untyped]

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, recover=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableBook("no XML") from error


def _joined(base: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(base, unquote(href.partition("#")[0])))


def _local(element: Any) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _attribute(element: Any, name: str) -> str:
    return next((str(v) for k, v in element.attrib.items() if str(k).rsplit("}", 1)[-1] == name), "")


def _text(root: Any, name: str) -> str | None:
    return next((" ".join((e.text or "").split()) or None for e in root.iter() if _local(e) == name), None)
