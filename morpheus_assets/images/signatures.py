"""What a file is, told by its first bytes: the sentence for things that are named like images but are none.

Recognition only; whether an image that is one can also be decoded is decoding.py's business.
"""

_LEADING = (
    (
        b"version https://git-lfs",
        "is a Git LFS pointer, not the picture: run `git lfs pull` and copy again",
    ),
    (
        b"\x00\x05\x16\x07",
        "is a macOS resource fork, not the picture: use the file without `._`",
    ),
    (b"PK\x03\x04", "is a ZIP archive (a .cbz, perhaps): unpack it into the folder"),
    (b"Rar!", "is a RAR archive (a .cbr, perhaps): unpack it into the folder"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive: unpack it into the folder"),
    (b"\x1f\x8b", "is a gzip archive: unpack it into the folder"),
    (b"%PDF", "is a PDF: export its pages as PNG"),
    (b"%!PS", "is a PostScript drawing: export it as PNG"),
    (b"8BPS", "is a Photoshop document: export it as PNG"),
    (b"\xff\x0a", "is a JPEG XL picture, which is not read here: export it as PNG"),
    (b"\x00\x00\x00\x0cJXL ", "is a JPEG XL picture, which is not read here: export it as PNG"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_TAR_BLOCK = 512


def foreign_content(data: bytes) -> str | None:
    """The rest of a sentence ("is a …: do …") when `data` is recognisably something other than an image."""
    if not data:
        return "is empty (0 bytes): the copy or download did not finish, copy it again"
    for leading, sentence in _LEADING:
        if data.startswith(leading):
            return sentence
    opening = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if opening.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "is a web page (a saved error page, perhaps), not the picture: download it again"
    if opening.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in opening:
        return "is an SVG drawing, not pixels: export it as PNG"
    return _container(data)


def _container(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        brands = {data[8:12]} | {data[i : i + 4] for i in range(16, min(int.from_bytes(data[:4]), 64), 4)}
        if brands & _AVIF_BRANDS:
            return None
        if brands & _HEIF_BRANDS:
            return "is a HEIC/HEIF picture, which is not read here: export it as PNG or JPEG"
        return "is a video, not a picture: export the frame as PNG"
    if is_tar(data):
        return "is a TAR archive: unpack it into the folder"
    return None


def is_tar(data: bytes) -> bool:
    """Whether the first header block carries a TAR's own checksum (old archives have no magic word)."""
    block = data[:_TAR_BLOCK]
    if len(block) < _TAR_BLOCK or not block[0]:
        return False
    try:
        stated = int(block[148:156].strip(b" \x00") or b"x", 8)
    except ValueError:
        return False
    return stated == sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")


def image_kind(data: bytes) -> str | None:
    """Name of the image format whose signature `data` begins with, None when it has none."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return "AVIF"
    kinds = (
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"GIF8", "GIF"),
        (b"BM", "BMP"),
        (b"II*\x00", "TIFF"),
        (b"MM\x00*", "TIFF"),
        (b"II+\x00", "TIFF"),
        (b"MM\x00+", "TIFF"),
        (b"\x00\x00\x01\x00", "ICO"),
        (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"P1", "PNM"),
        (b"P2", "PNM"),
        (b"P3", "PNM"),
        (b"P4", "PNM"),
        (b"P5", "PNM"),
        (b"P6", "PNM"),
    )
    return next((kind for signature, kind in kinds if data.startswith(signature)), None)
