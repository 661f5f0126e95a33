"""Makes small EPUB, DOCX and zip files in memory for the tests of this folder."""

import io
import zipfile
from html import escape

CONTAINER = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zipped(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def page(body: str, body_type: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title/><script src="x.js"/></head>\n'
        f'<body epub:type="{body_type}">\n{body}\n</body></html>'
    )


def epub(pages: dict[str, str], *, nav: str = "", ncx: str = "", extra: dict[str, str | bytes] | None = None) -> bytes:
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in pages)
    items += '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>' if nav else ""
    items += '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>' if ncx else ""
    spine = "".join(f'<itemref idref="{name}"/>' for name in pages)
    package = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The Two Towers of Ash</dc:title>'
        "<dc:creator>A. Writer</dc:creator><dc:language>en-GB</dc:language></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    files: dict[str, str | bytes] = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
    files |= {"OPS/book.opf": package} | {f"OPS/{name}": content for name, content in pages.items()}
    files |= {"OPS/nav.xhtml": nav} if nav else {}
    files |= {"OPS/toc.ncx": ncx} if ncx else {}
    return zipped(files | (extra or {}))


def docx(paragraphs: list[tuple[str, str]], *, declaration: str = "") -> bytes:
    """Each paragraph is (style, text); the style "Heading1" makes a heading, "" a plain paragraph."""
    body = "".join(_paragraph(f'<w:pStyle w:val="{style}"/>' if style else "", text) for style, text in paragraphs)
    styles = "".join(_style(f"Heading{level}", f"heading {level}") for level in (1, 2))
    return _word_archive(body, styles, declaration=declaration)


_WAYS = {
    "": "",
    "heading": '<w:pStyle w:val="Heading1"/>',
    "derived": '<w:pStyle w:val="ChapterHead"/>',
    "title style": '<w:pStyle w:val="Title"/>',
    "outline": '<w:outlineLvl w:val="0"/>',
    "bold centred": '<w:jc w:val="center"/>',
    "numbered heading": '<w:pStyle w:val="Heading1"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="7"/></w:numPr>',
    "bare number": '<w:pStyle w:val="Heading1"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="7"/></w:numPr>',
}


def word_document(paragraphs: list[tuple[str, str]]) -> bytes:
    """Each paragraph is (way of making it a heading, text), "" for plain text; numbers are printed "Chapter 1"."""
    body = "".join(_paragraph(_WAYS[way], text, bold=way == "bold centred") for way, text in paragraphs)
    styles = (
        _style("Heading1", "heading 1") + _style("Title", "Title") + _style("ChapterHead", "Chapter Head", "Heading1")
    )
    level = '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="Chapter %1"/></w:lvl>'
    numbering = (
        f'<w:abstractNum w:abstractNumId="3">{level}</w:abstractNum>'
        '<w:num w:numId="7"><w:abstractNumId w:val="3"/></w:num>'
    )
    return _word_archive(body, styles, numbering=numbering)


def _paragraph(properties: str, text: str, *, bold: bool = False) -> str:
    run = f"<w:r>{'<w:rPr><w:b/></w:rPr>' if bold else ''}<w:t>{escape(text)}</w:t></w:r>" if text else ""
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{run}</w:p>"


def _style(style_id: str, name: str, parent: str = "") -> str:
    based = f'<w:basedOn w:val="{parent}"/>' if parent else ""
    return f'<w:style w:type="paragraph" w:styleId="{style_id}"><w:name w:val="{name}"/>{based}</w:style>'


def _word_archive(body: str, styles: str, *, numbering: str = "", declaration: str = "") -> bytes:
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def relations(targets: list[tuple[str, str]]) -> str:
        inner = "".join(
            f'<Relationship Id="r{place}" Type="{kinds}/{kind}" Target="{target}"/>'
            for place, (kind, target) in enumerate(targets)
        )
        namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
        return f'<Relationships xmlns="{namespace}">{inner}</Relationships>'

    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>'
    )
    return zipped(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": relations([("officeDocument", "word/document.xml")]),
            "word/_rels/document.xml.rels": relations([("styles", "styles.xml"), ("numbering", "numbering.xml")]),
            "word/document.xml": f"{declaration}<w:document {_WORD}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {_WORD}>{styles}</w:styles>",
            "word/numbering.xml": f"<w:numbering {_WORD}>{numbering}</w:numbering>",
            "docProps/core.xml": "<p><title>Letters from the Marsh</title><creator>B. Writer</creator></p>",
        }
    )
