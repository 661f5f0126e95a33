"""FictionBook 2: sections and their titles as headings, notes beside their place; pictures are left out."""

from morpheus_assets.text.documents import Document
from morpheus_assets.text.encoding.declarations import declared_in_markup
from morpheus_assets.text.encoding.decoding import decode
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.readers.blocks import Blocks
from morpheus_assets.text.readers.safe_xml import Element, attribute, local, parse

_LINES = frozenset(("p", "v", "subtitle", "text-author", "date"))
_NOTE_BODIES = frozenset(("notes", "comments", "footnotes"))
_MAX_DEPTH, _HEAD = 200, 65_536


def read_fb2(data: bytes) -> Document:
    """A FictionBook; source positions are offsets into the text. Raises UnreadableText."""
    decoded = decode(data, declared_in_markup(data))
    if "<!ENTITY" in decoded.text[:_HEAD]:
        raise UnreadableText("defines XML entities, which no FictionBook needs (an entity bomb): it is not read.")
    root = parse(_without_pictures(decoded.text).encode())
    if root is None or local(root) != "FictionBook":
        raise UnreadableText("is no FictionBook: its first element is not <FictionBook>, so copy or convert it again.")
    bodies = [child for child in root if local(child) == "body"]
    notes = {
        attribute(section, "id"): section
        for body in bodies
        if attribute(body, "name") in _NOTE_BODIES
        for section in body.iter()
        if local(section) == "section" and attribute(section, "id")
    }
    blocks = Blocks("html")
    for body in bodies:
        if attribute(body, "name") not in _NOTE_BODIES:
            _Body(blocks, notes).walk(body, 1)
    for section in notes.values():
        # Notes that nothing refers to.
        _Body(blocks, {}).walk(section, 1)
    info = next((e for e in root.iter() if local(e) == "title-info"), None)
    return blocks.document(
        "fb2",
        decoded.encoding,
        repairs=decoded.repairs,
        language=_text_of(info, "lang"),
        title=_text_of(info, "book-title"),
        author=_author(info),
    )


class _Body:
    def __init__(self, blocks: Blocks, notes: dict[str, Element]) -> None:
        self.blocks = blocks
        self.notes = notes

    def walk(self, element: Element, level: int, depth: int = 0) -> None:
        if depth > _MAX_DEPTH:
            raise UnreadableText("is nested more deeply than any book: it is not read.")
        name = local(element)
        if name == "title":
            lines = [_flat(child) for child in element if local(child) in _LINES]
            # The title of a body is the book's.
            whole = local(element.getparent()) == "body"
            self.blocks.add("\n".join(line for line in lines if line), level=0 if whole else max(level - 1, 1))
        elif name in _LINES:
            self.blocks.add(_flat(element))
            self._notes_of(element)
        elif name == "stanza":
            self.blocks.add("\n".join(_flat(child) for child in element if local(child) in _LINES))
        elif name == "tr":
            self.blocks.add(" ".join(_flat(cell) for cell in element))
        elif name not in ("image", "binary"):
            for child in element:
                self.walk(child, level + (local(child) == "section"), depth + 1)

    def _notes_of(self, paragraph: Element) -> None:
        for link in paragraph.iter():
            target = attribute(link, "href").removeprefix("#") if local(link) == "a" else ""
            if target in self.notes:
                section = self.notes.pop(target)
                lines = [_flat(e) for e in section.iter() if local(e) in _LINES and local(e.getparent()) != "title"]
                self.blocks.add(f"{_mark(_flat(link))} {' '.join(lines)}")


def _flat(element: Element) -> str:
    pieces = [element.text or ""]
    for child in element:
        inner = "" if local(child) == "image" else _flat(child)
        if local(child) == "a" and attribute(child, "type") == "note":
            inner = _mark(inner)
        pieces += [inner, child.tail or ""]
    return (
        " ".join("".join(pieces).split(" ")).replace("\n", " ").strip() if local(element) in _LINES else "".join(pieces)
    )


def _mark(text: str) -> str:
    text = text.strip()
    return text if not text or not text[0].isalnum() else f"[{text}]"


def _text_of(info: Element | None, name: str) -> str | None:
    found = None if info is None else next((e for e in info if local(e) == name), None)
    return None if found is None else "".join(found.itertext())


def _author(info: Element | None) -> str | None:
    author = None if info is None else next((e for e in info if local(e) == "author"), None)
    if author is None:
        return None
    names = {local(e): "".join(e.itertext()).strip() for e in author}
    whole = " ".join(names.get(key, "") for key in ("first-name", "middle-name", "last-name"))
    return " ".join(whole.split()) or names.get("nickname") or None


def _without_pictures(text: str) -> str:
    text = text.lstrip("\ufeff \n\t")
    first, *pictures = (text.partition("?>")[2] if text.startswith("<?xml") else text).split("<binary")
    return first + "".join(picture.partition("</binary>")[2] for picture in pictures)
