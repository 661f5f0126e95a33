"""Headings of a Word document beyond its built-in styles, written into its XML before mammoth reads it.

Styles derived from a heading, outline levels, numbers that Word counts itself, and bold or centred lines become what
mammoth knows: a paragraph style. Reading the text is docx.py's.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lxml import etree  # type: ignore[import-untyped]

from morpheus_assets.text.readers.archives import Archive
from morpheus_assets.text.readers.safe_xml import Element, attribute, local, parse

NAMED_STYLE, LINE_STYLE = "MorpheusTitle", "MorpheusLine"
"""Styles of titles: those of a style of that name, and those that only stand like one."""
_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titolo|заголовок|標題|标题|見出し|제목)\s*(\d)", re.IGNORECASE
)
_TITLE = re.compile(
    r"(?<!sub)(?<!unter)title|(?<!unter)titel|titre|título|titolo|название|标题|標題|表題|제목", re.IGNORECASE
)
_COUNTED_UNIT = re.compile(r"[^\W\d_]{3,}")
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_LONGEST_LINE = 120
_LONGEST_NUMBER = 10
_DEEPEST = 6
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROMAN = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


@dataclass
class _Style:
    name: str = ""
    parent: str = ""
    outline: int | None = None
    numbering: str = ""
    depth: int | None = None
    bold: bool = False
    centred: bool = False


@dataclass
class _Level:
    text: str = ""
    form: str = "decimal"
    start: int = 1
    style: str = ""


@dataclass
class _Numbering:
    """Lists by numId; `counts` are the numbers that each has reached, alone or with those it is `counted_with`."""

    levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    counts: dict[str, dict[int, int]] = field(default_factory=dict)
    counted_with: dict[str, str] = field(default_factory=dict)

    def next_label(self, list_id: str, depth: int) -> str:
        """Count one on and return what Word prints before the paragraph; "" for bullets and unknown lists."""
        levels = self.levels.get(list_id, {})
        level = levels.get(depth)
        if level is None or level.form in ("bullet", "none"):
            return ""
        counts = self.counts.setdefault(self.counted_with.get(list_id, list_id), {})
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [d for d in counts if d > depth]:
            del counts[deeper]
        label = level.text
        for above in range(depth + 1):
            form = levels[above].form if above in levels else "decimal"
            label = label.replace(f"%{above + 1}", _numeral(counts.get(above, 1), form))
        return label.strip()


def with_marked_headings(data: bytes, archive: Archive) -> bytes:
    """The document with its headings in styles that mammoth maps; `data` itself where it has none but those."""
    name = archive.find("word/document.xml")
    root = parse(archive.read(name)) if name else None
    if name is None or root is None:
        return data
    styles, numbering = _styles(archive), _numbering(archive)
    changed = [_mark(element, styles, numbering) for element in root.iter() if local(element) == "p"]
    return _rewritten(data, name, root) if any(changed) else data


def _mark(paragraph: Element, styles: dict[str, _Style], numbering: _Numbering) -> bool:
    """Give a paragraph that is a heading the style of one; True if that changed it."""
    properties = _child(paragraph, "pPr")
    style_id = _value(_child(properties, "pStyle"))
    chain = list(_chain(style_id, styles))
    level = _outline_level(properties, chain)
    label = _label(properties, style_id, chain, numbering)
    words = "".join(element.text or "" for element in paragraph.iter() if local(element) == "t").strip()
    target = ""
    if level is not None or _COUNTED_UNIT.match(label):
        target = f"Heading{level or 1}"
        if label:
            _prepend(paragraph, properties, label, words)
    elif words and len(words) <= _LONGEST_LINE and any(map(str.isalnum, words)) and not label:
        target = _line_style(paragraph, properties, chain)
    if not target or (target == style_id and not label):
        return False
    _set_style(paragraph, properties, target)
    return True


def _outline_level(properties: Element, chain: Sequence[_Style]) -> int | None:
    own = _number(_value(_child(properties, "outlineLvl")))
    outline = own if own is not None else next((s.outline for s in chain if s.outline is not None), None)
    if outline is None:
        outline = next((int(found[1]) - 1 for s in chain if (found := _HEADING.fullmatch(s.name))), None)
    return outline + 1 if outline is not None and 0 <= outline < _DEEPEST else None


def _line_style(paragraph: Element, properties: Element, chain: Sequence[_Style]) -> str:
    if any(_TITLE.search(style.name) for style in chain):
        return NAMED_STYLE
    if any(local(above) == "tbl" for above in paragraph.iterancestors()):
        return ""
    alignment = _value(_child(properties, "jc"))
    centred = alignment == "center" if alignment else any(style.centred for style in chain)
    runs = [run for run in paragraph.iter() if local(run) == "r" and any(local(e) == "t" for e in run)]
    bold = bool(runs) and all(_is_bold(run, chain) for run in runs)
    if bold and centred:
        return NAMED_STYLE
    return LINE_STYLE if bold or centred else ""


def _is_bold(run: Element, chain: Sequence[_Style]) -> bool:
    own = _child(_child(run, "rPr"), "b")
    return _is_on(own) if own is not None else any(style.bold for style in chain)


def _label(properties: Element, style_id: str, chain: Sequence[_Style], numbering: _Numbering) -> str:
    own = _child(properties, "numPr")
    list_id, depth = _value(_child(own, "numId")), _number(_value(_child(own, "ilvl")))
    if not list_id:
        list_id, depth = next(((s.numbering, s.depth) for s in chain if s.numbering), ("", None))
        levels = numbering.levels.get(list_id, {})
        depth = next((n for n, level in levels.items() if level.style == style_id), depth)
    return numbering.next_label(list_id, depth or 0) if list_id and list_id != "0" else ""


def _prepend(paragraph: Element, properties: Element, label: str, words: str) -> None:
    joint = "" if not words else " " if label.endswith((".", ":", ")", "-", "–", "—")) else ". "
    run = paragraph.makeelement(f"{_WORD}r", {})
    text = run.makeelement(f"{_WORD}t", {_SPACE: "preserve"})
    text.text = label + joint
    run.append(text)
    paragraph.insert(0 if properties is None else 1, run)
    for numbers in [e for e in properties if local(e) == "numPr"] if properties is not None else ():
        properties.remove(numbers)


def _set_style(paragraph: Element, properties: Element, style: str) -> None:
    if properties is None:
        properties = paragraph.makeelement(f"{_WORD}pPr", {})
        paragraph.insert(0, properties)
    named = _child(properties, "pStyle")
    if named is None:
        named = properties.makeelement(f"{_WORD}pStyle", {})
        properties.insert(0, named)
    named.set(f"{_WORD}val", style)


def _styles(archive: Archive) -> dict[str, _Style]:
    name = archive.find("word/styles.xml")
    root = parse(archive.read(name)) if name else None
    styles = {}
    for element in () if root is None else (e for e in root if local(e) == "style"):
        properties, letters = _child(element, "pPr"), _child(element, "rPr")
        numbers = _child(properties, "numPr")
        styles[attribute(element, "styleId")] = _Style(
            _value(_child(element, "name")),
            _value(_child(element, "basedOn")),
            _number(_value(_child(properties, "outlineLvl"))),
            _value(_child(numbers, "numId")),
            _number(_value(_child(numbers, "ilvl"))),
            _is_on(_child(letters, "b")),
            _value(_child(properties, "jc")) == "center",
        )
    return styles


def _chain(style_id: str, styles: dict[str, _Style]) -> Iterator[_Style]:
    """The style and those that it is based on; a circle ends where it began."""
    seen: set[str] = set()
    while style_id in styles and style_id not in seen:
        seen.add(style_id)
        yield styles[style_id]
        style_id = styles[style_id].parent


def _numbering(archive: Archive) -> _Numbering:
    numbering = _Numbering()
    name = archive.find("word/numbering.xml")
    root = parse(archive.read(name)) if name else None
    if root is None:
        return numbering
    abstract = {}
    for element in (e for e in root if local(e) == "abstractNum"):
        levels = {}
        for level in (e for e in element if local(e) == "lvl"):
            levels[_number(attribute(level, "ilvl")) or 0] = _Level(
                _value(_child(level, "lvlText")),
                _value(_child(level, "numFmt")) or "decimal",
                _number(_value(_child(level, "start"))) or 1,
                _value(_child(level, "pStyle")),
            )
        abstract[attribute(element, "abstractNumId")] = levels
    for element in (e for e in root if local(e) == "num"):
        list_id, base = attribute(element, "numId"), _value(_child(element, "abstractNumId"))
        numbering.levels[list_id] = abstract.get(base, {})
        restarts = any(local(e) == "startOverride" for e in element.iter())
        numbering.counted_with[list_id] = list_id if restarts else base
    return numbering


def _numeral(number: int, form: str) -> str:
    if form in ("upperRoman", "lowerRoman") and number < _ROMAN[0][0] * 5:
        letters = ""
        for value, roman in _ROMAN:
            letters += roman * (number // value)
            number %= value
        return letters if form == "upperRoman" else letters.lower()
    if form in ("upperLetter", "lowerLetter") and 0 < number <= len(_LETTERS):
        letter = _LETTERS[number - 1]
        return letter.upper() if form == "upperLetter" else letter
    return str(number)


def _rewritten(data: bytes, name: str, root: Element) -> bytes:
    """The archive with a new main document; pictures, which are never read, are left empty."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            known = entry.filename.replace("\\", "/")
            if known == name:
                new.writestr(known, etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))
            else:
                new.writestr(known, old.read(entry) if known.lower().endswith((".xml", ".rels")) else b"")
    return buffer.getvalue()


def _child(element: Element | None, name: str) -> Element | None:
    return None if element is None else next((child for child in element if local(child) == name), None)


def _value(element: Element | None) -> str:
    return "" if element is None else attribute(element, "val")


def _number(value: str) -> int | None:
    return int(value) if value.isdecimal() and len(value) < _LONGEST_NUMBER else None


def _is_on(element: Element | None) -> bool:
    return element is not None and _value(element).lower() not in ("0", "false", "off", "none")
