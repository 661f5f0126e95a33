"""The parts of a Word document as a reader sees them: hidden text out, notes beside their place.

mammoth shows hidden text and puts all notes after the last chapter. Headings and styles are docx.py's.
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator

from morpheus_assets.text.readers.safe_xml import Element, attribute, local, parse, parse_whole

_MAIN = "word/document.xml"
_MAX_NOTES = 20_000
_MAX_CHAIN = 20
_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


def visible_document(parts: dict[str, bytes]) -> tuple[bytes, tuple[str, ...]]:
    """A Word file of `parts` (archive name → bytes), and sentences about what was left out.

    Hidden runs are gone, footnotes and endnotes stand as paragraphs after the one that refers to them, with the mark
    in the text and before the note: [1] for footnotes, [i] for endnotes. Comments are no text of the book.
    """
    repairs: tuple[str, ...] = ()
    main = _main_part(parts)
    root = parse_whole(parts[main]) if main in parts else None
    if root is not None:
        styles = _Styles(parts.get(_beside(main, "styles.xml"), b""))
        hidden = _remove_hidden(root, styles)
        notes = {kind: _notes(parts.get(_beside(main, f"{kind}s.xml"), b""), kind) for kind in ("footnote", "endnote")}
        _place_notes(root, notes, styles)
        parts = parts | {main: _bytes(root)}
        if hidden:
            repairs = (f"{hidden:,} passages of hidden text were left out.",)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return packed.getvalue(), repairs


def _main_part(parts: dict[str, bytes]) -> str:
    root = parse(parts["_rels/.rels"]) if "_rels/.rels" in parts else None
    for relation in () if root is None else root.iter():
        if attribute(relation, "Type").endswith("/officeDocument"):
            return posixpath.normpath(attribute(relation, "Target").lstrip("/"))
    return _MAIN


def _beside(main: str, name: str) -> str:
    return posixpath.join(posixpath.dirname(main), name)


def _bytes(root: Element) -> bytes:
    from lxml import etree  # type: ignore[import-untyped]

    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


class _Styles:
    """Which styles hide their text, by their own property or by that of a style they are based on."""

    def __init__(self, data: bytes) -> None:
        root = parse(data) if data else None
        self._own: dict[str, bool | None] = {}
        self._base: dict[str, str] = {}
        self._headings: set[str] = set()
        for style in () if root is None else root.iter():
            if local(style) != "style":
                continue
            name = attribute(style, "styleId")
            self._own[name] = _vanishes(_child(style, "rPr"))
            self._base[name] = _value(style, "basedOn")
            named = _value(style, "name").lower().startswith("heading")
            if named or _child(_child(style, "pPr"), "outlineLvl") is not None:
                self._headings.add(name)

    def hide(self, name: str) -> bool | None:
        for _ in range(_MAX_CHAIN):
            if name not in self._own:
                return None
            if self._own[name] is not None:
                return self._own[name]
            name = self._base[name]
        return None

    def is_heading(self, name: str) -> bool:
        for _ in range(_MAX_CHAIN):
            if name in self._headings:
                return True
            if name not in self._base:
                return False
            name = self._base[name]
        return False


def _child(element: Element | None, name: str) -> Element | None:
    return None if element is None else next((child for child in element if local(child) == name), None)


def _value(element: Element | None, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else attribute(child, "val")


def _vanishes(properties: Element | None) -> bool | None:
    """What run properties say of hiding; None where they say nothing, as None properties do."""
    found = _child(properties, "vanish")
    return None if found is None else attribute(found, "val").lower() not in ("0", "false", "off")


def _remove_hidden(root: Element, styles: _Styles) -> int:
    """Take hidden runs out of the tree; returns how many held text."""
    removed = 0
    for run in [element for element in root.iter() if local(element) == "r"]:
        properties = _child(run, "rPr")
        hides = _vanishes(properties)
        if hides is None and (name := _value(properties, "rStyle")):
            hides = styles.hide(name)
        if hides is None:
            paragraph = next((above for above in run.iterancestors() if local(above) == "p"), None)
            hides = styles.hide(_value(_child(paragraph, "pPr"), "pStyle")) if paragraph is not None else None
        # A run that is part of a field or anchors a picture holds no text that could be seen.
        if hides and not any(local(child) == "fldChar" for child in run):
            removed += any(local(child) == "t" and (child.text or "").strip() for child in run)
            run.getparent().remove(run)
    return removed


def _notes(data: bytes, kind: str) -> dict[str, list[Element]]:
    """Id of a note → its paragraphs; separators and the like are no notes."""
    root = parse(data) if data else None
    return {
        attribute(note, "id"): [child for child in note if local(child) in ("p", "tbl")]
        for note in (() if root is None else root)
        if local(note) == kind and attribute(note, "type") in ("", "normal")
    }


def _place_notes(root: Element, notes: dict[str, dict[str, list[Element]]], styles: _Styles) -> None:
    counts = dict.fromkeys(notes, 0)
    marks: dict[tuple[str, str], str] = {}
    behind: dict[Element, Element] = {}
    references = [e for e in root.iter() if local(e) in ("footnoteReference", "endnoteReference")]
    for reference in references[:_MAX_NOTES]:
        kind, name = local(reference).removesuffix("Reference"), attribute(reference, "id")
        paragraphs = notes[kind].pop(name, None)
        home = next((above for above in reference.iterancestors() if local(above) == "p"), None)
        if home is None or (paragraphs is None and (kind, name) not in marks):
            continue
        if own := _own_mark(reference):
            marks[kind, name] = own
            reference.getparent().remove(reference)
        else:
            if paragraphs is not None:
                counts[kind] += 1
                marks[kind, name] = f"[{counts[kind] if kind == 'footnote' else _roman(counts[kind])}]"
            # A title stays a title.
            shown = not styles.is_heading(_value(_child(home, "pPr"), "pStyle"))
            _replace(reference, marks[kind, name] if shown else "")
        for number, paragraph in enumerate(paragraphs or ()):
            if number == 0:
                _put_before(paragraph, f"{marks[kind, name]} ")
            behind.get(home, home).addnext(paragraph)
            behind[home] = paragraph


def _own_mark(reference: Element) -> str:
    """The mark that the writer set (an asterisk), which follows the reference; "" for a counted one."""
    if attribute(reference, "customMarkFollows").lower() not in ("1", "true", "on"):
        return ""
    return "".join(child.text or "" for child in reference.itersiblings() if local(child) == "t").strip()


def _replace(reference: Element, mark: str) -> None:
    run = reference.getparent()
    text = run.makeelement(_tag(run, "t"), {"{http://www.w3.org/XML/1998/namespace}space": "preserve"})
    text.text = mark
    run.replace(reference, text)
    properties = _child(run, "rPr")
    if properties is not None:
        # Superscript would mark it as a number to be dropped.
        run.remove(properties)


def _put_before(paragraph: Element, mark: str) -> None:
    first = next((run for run in _runs(paragraph)), None)
    run = paragraph.makeelement(_tag(paragraph, "r"), {})
    text = run.makeelement(_tag(paragraph, "t"), {"{http://www.w3.org/XML/1998/namespace}space": "preserve"})
    text.text = mark
    run.append(text)
    if first is not None:
        first.addprevious(run)
    else:
        paragraph.append(run)
    properties = _child(paragraph, "pPr")
    if properties is not None:
        # A style of the notes would be unknown to the text, or a list that counts them anew.
        paragraph.remove(properties)


def _runs(paragraph: Element) -> Iterator[Element]:
    return (element for element in paragraph if local(element) in ("r", "hyperlink", "ins"))


def _tag(like: Element, name: str) -> str:
    return f"{{{like.nsmap.get(like.prefix)}}}{name}" if like.prefix or None in like.nsmap else name


def _roman(number: int) -> str:
    letters = ""
    for value, letter in _ROMAN:
        while number >= value:
            letters += letter
            number -= value
    return letters
