"""OpenDocument text: headings with their levels, notes beside their place; what is hidden or deleted is left out."""

from morpheus_assets.text.documents import Document
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.readers.archives import Archive
from morpheus_assets.text.readers.blocks import Blocks
from morpheus_assets.text.readers.safe_xml import Element, attribute, local, parse_whole, words

MAX_XML = 96 * 1024 * 1024
_MAX_DEPTH = 200
_LEFT_OUT = frozenset(
    (
        "tracked-changes",
        "annotation",
        "annotation-end",
        "table-of-content",
        "illustration-index",
        "alphabetical-index",
        "hidden-text",
        "hidden-paragraph",
        "sequence-decls",
        "variable-decls",
        "user-field-decls",
        "forms",
        "ruby-text",
        "image",
        "object",
        "note",
        "title",
        "desc",
        "script",
    )
)


def read_odt(data: bytes) -> Document:
    """A text document; source positions are offsets into the text. Raises UnreadableText."""
    archive = Archive(data, "ODT", max_total=MAX_XML)
    manifest = archive.find("META-INF/manifest.xml")
    if manifest is not None and b"encryption-data" in archive.read(manifest):
        raise UnreadableText("is protected by a password: save it without one.")
    name = archive.find("content.xml")
    if name is None:
        raise UnreadableText("is a zip file but no OpenDocument text: it has no content.xml.")
    content = _parsed(archive, name)
    body = next((e for e in content.iter() if local(e) == "text" and local(e.getparent()) == "body"), None)
    if body is None:
        raise UnreadableText("is an OpenDocument file but no text (a table or a drawing): save the text as ODT.")
    styles = [content]
    if (beside := archive.find("styles.xml")) is not None:
        styles.append(_parsed(archive, beside))
    reader = _Reader(Blocks("docx"), _Styles(styles))
    reader.walk(body)
    meta = archive.find("meta.xml")
    found = {local(e): words(e) for e in _parsed(archive, meta).iter()} if meta else {}
    hidden = reader.hidden
    return reader.blocks.document(
        "odt",
        "zip/utf-8",
        repairs=(f"{hidden:,} passages of hidden text were left out.",) if hidden else (),
        title=found.get("title"),
        author=found.get("initial-creator") or found.get("creator"),
    )


def _parsed(archive: Archive, name: str) -> Element:
    data = archive.read(name)
    if b"<!ENTITY" in data:
        raise UnreadableText("defines XML entities, which no text document needs (an entity bomb): it is not read.")
    root = parse_whole(data)
    if root is None:
        raise UnreadableText("is a damaged ODT: open and save it again in a word processor.")
    return root


class _Styles:
    """Which styles hide their text, and which are headings, by themselves or through the style they come from."""

    def __init__(self, roots: list[Element]) -> None:
        self._parent: dict[str, str] = {}
        self._hidden: set[str] = set()
        self._level: dict[str, int] = {}
        for style in (e for root in roots for e in root.iter() if local(e) == "style"):
            name = attribute(style, "name")
            self._parent.setdefault(name, attribute(style, "parent-style-name"))
            if attribute(style, "default-outline-level").isdigit():
                self._level.setdefault(name, int(attribute(style, "default-outline-level")))
            if any(local(e) == "text-properties" and attribute(e, "display") == "none" for e in style):
                self._hidden.add(name)

    def hide(self, name: str) -> bool:
        return any(one in self._hidden for one in self._chain(name))

    def level(self, name: str) -> int:
        for one in self._chain(name):
            if one in self._level:
                return self._level[one]
            plain = one.replace("_20_", " ")
            if plain.lower().startswith("heading ") and plain[8:].isdigit():
                return int(plain[8:])
        return 0

    def _chain(self, name: str) -> list[str]:
        chain: list[str] = []
        while name and name not in chain and len(chain) < 20:
            chain.append(name)
            name = self._parent.get(name, "")
        return chain


class _Reader:
    def __init__(self, blocks: Blocks, styles: _Styles) -> None:
        self.blocks = blocks
        self.styles = styles
        self.hidden = 0

    def walk(self, element: Element, depth: int = 0) -> None:
        if depth > _MAX_DEPTH:
            raise UnreadableText("is nested more deeply than any book: it is not read.")
        for child in element:
            name = local(child)
            if name in _LEFT_OUT or (name == "section" and attribute(child, "display") == "none"):
                continue
            if name == "table-row":
                cells = (" ".join(self._inline(p, []) for p in cell.iter() if local(p) == "p") for cell in child)
                self.blocks.add(" ".join(cells))
            elif name in ("h", "p"):
                self._paragraph(child)
            else:
                self.walk(child, depth + 1)

    def _paragraph(self, element: Element) -> None:
        style = attribute(element, "style-name")
        if self.styles.hide(style):
            self.hidden += bool(words(element))
            return
        level = self.styles.level(style)
        if local(element) == "h":
            level = (
                int(attribute(element, "outline-level") or 1) if attribute(element, "outline-level").isdigit() else 1
            )
        notes: list[Element] = []
        text = self._inline(element, notes, marks=not level)
        self.blocks.add(text, level=level)
        for note in notes:
            body = [e for e in note.iter() if local(e) == "p"]
            lines = [self._inline(paragraph, []) for paragraph in body]
            self.blocks.add(f"{_mark(note)} {' '.join(lines)}")

    def _inline(self, element: Element, notes: list[Element], *, marks: bool = True) -> str:
        pieces = [element.text or ""]
        for child in element:
            name = local(child)
            if name == "note":
                notes.append(child)
                pieces.append(_mark(child) if marks else "")
            elif name == "s":
                count = attribute(child, "c")
                pieces.append(" " * min(int(count) if count.isdigit() else 1, 100))
            elif name == "tab":
                pieces.append("\t")
            elif name == "line-break":
                pieces.append("\n")
            elif name == "span" and self.styles.hide(attribute(child, "style-name")):
                self.hidden += bool(words(child))
            elif name not in _LEFT_OUT:
                pieces.append(self._inline(child, notes, marks=marks))
            # Line ends of the XML file are blanks.
            pieces.append(child.tail or "")
        return "".join(pieces)


def _mark(note: Element) -> str:
    citation = next((words(e) for e in note if local(e) == "note-citation"), "")
    return citation if citation and not citation[0].isalnum() else f"[{citation or '*'}]"
