"""Program that gives the pages of one PDF as pictures with PDFium, in a process and under limits of its own.

A PDF of 4 kB can make PDFium fill gigabytes, or crash. On stdin: eight bytes of length, the PDF, then a page's number a
line; on stdout: a line of JSON about the book, then for each page eight bytes of length (0: refused) and a picture.
Run by pdf.py as a file, so it imports nothing of the package.
"""

import contextlib
import io
import json
import sys
from typing import Any

# Of a page's area: what one picture covers at least, and at most where none of it is cut off; what a stray one covers.
_WHOLE, _NOT_CUT_OFF, _STRAY = 0.8, 1.1, 0.02
_LONGER_SIDE = 2400
_TEXT, _IMAGE, _PATH, _SHADING = 1, 3, 2, 4


def main(most_bytes: int, most_pages: int, most_pixels: int) -> None:
    """Serve the PDF on stdin until it is closed."""
    import resource

    import pypdfium2

    with contextlib.suppress(ValueError, OSError):  # systems that know no such limit
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    source, out = sys.stdin.buffer, sys.stdout.buffer
    data = source.read(int.from_bytes(source.read(8)))
    try:
        pdf = pypdfium2.PdfDocument(data)
        pages = len(pdf)
    except pypdfium2.PdfiumError as problem:
        _tell(out, {"refused": "password" if "password" in str(problem).lower() else "damaged"})
        return
    if pages > most_pages:
        _tell(out, {"refused": "pages"})
        return
    found = pdf.get_metadata_dict()
    _tell(
        out,
        {
            "pages": pages,
            "title": found.get("Title") or None,
            "writer": found.get("Author") or None,
            "rtl": b"/Direction /R2L" in data or b"/Direction/R2L" in data,
        },
    )
    for line in source:
        try:
            picture = _picture(pdf[int(line)], most_pixels)
        except Exception as problem:
            sys.stderr.write(f"{problem}\n")
            picture = b""
        out.write(len(picture).to_bytes(8) + picture)
        out.flush()


def _picture(page: Any, most_pixels: int) -> bytes:
    """The one picture that a page is, as it is; else the page, rendered."""
    width, height = page.get_size()
    images, drawn = [], False
    for item in page.get_objects(max_depth=3):
        left, bottom, right, top = item.get_bounds()
        share = abs((right - left) * (top - bottom)) / max(1.0, width * height)
        if item.type == _IMAGE and share > _STRAY:
            images.append((share, item))
        elif (item.type in (_PATH, _SHADING) and share > _STRAY) or (images and _is_lettering(item)):
            drawn = True
    pixels = max((max(image.get_px_size()) for _, image in images), default=0)
    if len(images) == 1 and not drawn and _WHOLE <= images[0][0] <= _NOT_CUT_OFF and not page.get_rotation():
        image = images[0][1]
        a, b, c, d, _, _ = image.get_matrix().get()
        if a > 0 and d > 0 and abs(b) + abs(c) < 0.01 * (a + d):
            filters = image.get_filters()
            if filters in (["DCTDecode"], ["JPXDecode"]):
                return bytes(image.get_data())
    scale = max(_LONGER_SIDE, min(pixels, 4 * _LONGER_SIDE)) / max(width, height)
    scale = min(scale, (most_pixels / max(1.0, width * height)) ** 0.5)
    rendered = page.render(scale=scale).to_pil().convert("RGB")
    buffer = io.BytesIO()
    rendered.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _is_lettering(item: Any) -> bool:
    """Text that is seen over a picture; what a text recognition wrote over a scan is invisible."""
    from pypdfium2 import raw

    return item.type == _TEXT and raw.FPDFTextObj_GetTextRenderMode(item) != raw.FPDF_TEXTRENDERMODE_INVISIBLE


def _tell(out: Any, value: dict[str, Any]) -> None:
    out.write(json.dumps(value).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
