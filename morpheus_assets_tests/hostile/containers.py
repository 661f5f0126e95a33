"""EPUBs and Word files with bombs inside, as small as they can be."""

import io
import struct
import zipfile
import zlib

MEGABYTE = 2**20
PROSE = "The lamp burned low in the harbour, and nobody came to trim it before the morning. "


def zipped(entries: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    # a bomb of 300 MB takes half the time that it takes at the usual level
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return target.getvalue()


CONTAINER = (
    b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    b'<rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def package(title: str = "A", head: str = "", items: int = 1) -> bytes:
    manifest = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(items))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(items))
    return (
        f'<?xml version="1.0"?>{head}<package xmlns="http://www.idpf.org/2007/opf" version="3.0"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title></metadata><manifest>{manifest}</manifest><spine>{spine}</spine></package>"
    ).encode()


def page(body: str, head: str = "") -> bytes:
    return f'<?xml version="1.0"?>{head}<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'.encode()


def epub(pages: list[bytes], opf: bytes | None = None, **extra: bytes) -> bytes:
    chapters = {f"c{number}.xhtml": data for number, data in enumerate(pages)}
    opf = opf or package(items=len(pages))
    return zipped({"META-INF/container.xml": CONTAINER, "c.opf": opf, **chapters, **extra})


def docx(document: bytes) -> bytes:
    types = (
        b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml"'
        b' ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r"'
        b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"'
        b' Target="word/document.xml"/></Relationships>'
    )
    return zipped({"[Content_Types].xml": types, "_rels/.rels": relations, "word/document.xml": document})


def pdf(drawn: bytes, filters: str = "/FlateDecode") -> bytes:
    """A PDF of one page whose contents are `drawn`, packed already as `filters` say."""
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R "
        b"/Resources << /Font << /F1 3 0 R >> >> >>",
        b"<< /Length %d /Filter [%s] >>\nstream\n%s\nendstream" % (len(drawn), filters.encode(), drawn),
    )
    out, table = b"%PDF-1.4\n", b"xref\n0 6\n0000000000 65535 f \n"
    for number, body in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return out + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(out)


def pdf_of_many_words() -> bytes:
    """180 kB that draw three million words."""
    words = b"(abc def ghi) Tj 0 -1 Td " * 3_000_000
    return pdf(zlib.compress(b"BT /F1 12 Tf 1 0 0 1 72 700 Tm " + words + b"ET", 9))


def pdf_packed_twice() -> bytes:
    """4 kB that unpack to 1 GB."""
    packer = zlib.compressobj(9)
    once = b"".join(packer.compress(b" " * MEGABYTE) for _ in range(1024)) + packer.flush()
    return pdf(zlib.compress(once, 9), "/FlateDecode /FlateDecode")


def word(body: str, head: str = "") -> bytes:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return (
        f'<?xml version="1.0"?>{head}<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>{body}</w:t></w:r></w:p>'
        "</w:body></w:document>"
    ).encode()


def laughs(root: str, levels: int = 10) -> str:
    """Ten to the power of `levels` laughs."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE {root} [<!ENTITY l0 "{"lol" * 5}">{entities}]>'


def quadratic(root: str) -> str:
    return f'<!DOCTYPE {root} [<!ENTITY a "{"x" * 60_000}">]>'


def outside(root: str) -> str:
    return f'<!DOCTYPE {root} [<!ENTITY f SYSTEM "file:///etc/passwd">]>'


def overlapping() -> bytes:
    """Many directory entries over the same packed bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("c.opf", package(items=500))
        archive.writestr("c0.xhtml", page("<p>" + PROSE * 20_000 + "</p>"))
        kernel = archive.getinfo("c0.xhtml")
        for number in range(1, 500):
            copy = zipfile.ZipInfo(f"c{number}.xhtml")
            copy.compress_type, copy.header_offset = kernel.compress_type, kernel.header_offset
            copy.CRC, copy.compress_size, copy.file_size = kernel.CRC, kernel.compress_size, kernel.file_size
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
    return target.getvalue()


def lying_sizes() -> bytes:
    """A page of 200 MB that says it has 100 bytes."""
    data = epub([b" " * (200 * MEGABYTE)])
    size = struct.pack("<I", 200 * MEGABYTE)
    return data.replace(size, struct.pack("<I", 100))
