"""HTML in a zip file (calibre's HTMLZ, a saved web book): its pages as one text, in their natural order."""

import posixpath

from morpheus_assets.text.chapters.reading_order import natural_order
from morpheus_assets.text.cleaning import is_noise
from morpheus_assets.text.documents import Document, HeadingHint, OriginMap, SourcePart
from morpheus_assets.text.encoding.declarations import declared_in_markup
from morpheus_assets.text.encoding.decoding import decode
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.language_detection import language_of
from morpheus_assets.text.markup.flattening import flatten
from morpheus_assets.text.readers.archives import Archive
from morpheus_assets.text.readers.gutenberg import gutenberg_header
from morpheus_assets.text.readers.safe_xml import local, parse, words

MAX_TEXT = 96 * 1024 * 1024
_PAGES = (".html", ".htm", ".xhtml")
_GAP = "\n\n"


def read_zipped_html(data: bytes) -> Document:
    """Pages of a zip file as a document; source positions name the page. Raises UnreadableText."""
    archive = Archive(data, "HTMLZ", max_total=MAX_TEXT)
    pages = [name for name in archive.names() if name.lower().endswith(_PAGES) and not _is_aside(name)]
    index = [name for name in pages if posixpath.basename(name).lower() in ("index.html", "index.htm", "index.xhtml")]
    if index and archive.find(posixpath.join(posixpath.dirname(index[0]), "metadata.opf")) is not None:
        pages = index[:1]
    if not pages:
        raise UnreadableText("is a zip file without an HTML page: unpack it, and put the book itself here.")
    pieces: list[str] = []
    parts: list[SourcePart] = []
    anchors: list[tuple[int, int, int]] = []
    hints: list[HeadingHint] = []
    repairs: dict[str, None] = {}
    length, encoding, title = 0, "utf-8", None
    for number, name in enumerate(sorted(pages, key=natural_order)):
        source = decode(page := archive.read(name), declared_in_markup(page))
        if is_noise(source.text) and source.text.strip():
            raise UnreadableText("holds a page that is no text: copy it again.")
        flat = flatten(source.text)
        encoding, title = (source.encoding, flat.title) if number == 0 else (encoding, title)
        repairs.update(dict.fromkeys((*source.repairs, *flat.repairs)))
        if pieces and flat.text:
            pieces.append(_GAP)
            length += len(_GAP)
        anchors.append((length, number, 0))
        anchors.extend((length + at, number, origin) for at, origin in flat.anchors)
        hints += [HeadingHint(length + h.char_offset, h.level, h.text, "html", h.role) for h in flat.headings]
        parts.append(SourcePart.of(source.text, name, number))
        pieces.append(flat.text)
        length += len(flat.text)
    text = "".join(pieces)
    named = _metadata(archive)
    header = gutenberg_header(text)
    return Document(
        text,
        "htmlz",
        f"zip/{encoding}",
        tuple(repairs),
        language_of(text, named.get("language")),
        named.get("title") or header.title or title,
        named.get("creator") or header.author,
        tuple(hints),
        OriginMap.of(parts, anchors),
    )


def _is_aside(name: str) -> bool:
    base = posixpath.basename(name)
    return base.startswith(".") or name.startswith("__MACOSX/")


def _metadata(archive: Archive) -> dict[str, str]:
    name = next((name for name in archive.names() if name.lower().endswith(".opf")), None)
    root = parse(archive.read(name)) if name else None
    return {} if root is None else {local(e): words(e) for e in root.iter() if words(e)}
