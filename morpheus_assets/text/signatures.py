"""Files that are no novel whatever their name says, told by their first bytes; one sentence each."""

import re

_PICTURE = "is a picture ({kind}), not a text: put pictures under the panels folder."
_CONVERT = "is {kind}, which is not read: convert it to EPUB, DOCX or plain text first."
_OLD_WORD = "is {kind}, which is not read: save it as DOCX in a word processor."
_KINDLE = "is {kind}, which is not read: convert it to EPUB first, with calibre for example."
_RENAME = "is {kind} under another name: give it the suffix .{suffix}."
_PROGRAM = "is a program file ({kind}), not a text: remove it."
_ARCHIVE = "is an archive ({kind}), not a text: unpack it, or name it .epub or .docx if it is one."
_SOUND = "is a sound or video file ({kind}), not a text: remove it."

_SIGNATURES: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\xff\xd8\xff", 0, "JPEG", _PICTURE),
    (b"\x89PNG\r\n\x1a\n", 0, "PNG", _PICTURE),
    (b"GIF87a", 0, "GIF", _PICTURE),
    (b"GIF89a", 0, "GIF", _PICTURE),
    (b"II*\x00", 0, "TIFF", _PICTURE),
    (b"MM\x00*", 0, "TIFF", _PICTURE),
    (b"WEBP", 8, "WebP", _PICTURE),
    (b"ftypavif", 4, "AVIF", _PICTURE),
    (b"ftypheic", 4, "HEIC", _PICTURE),
    (b"%PDF-", 0, "a PDF", _RENAME.replace("{suffix}", "pdf")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an old Office document (.doc)", _OLD_WORD),
    (b"{\\rtf", 0, "RTF", _RENAME.replace("{suffix}", "rtf")),
    (b"BOOKMOBI", 60, "a Kindle book (MOBI)", _KINDLE),
    (b"TPZ", 0, "a Kindle book (Topaz)", _KINDLE),
    (b"\xeaDRMION\xee", 0, "a Kindle book (KFX) with copy protection", "is {kind}: use a copy without protection."),
    (b"AT&TFORM", 0, "a DjVu scan", _CONVERT),
    (b"%!PS", 0, "PostScript", _CONVERT),
    (b"PK\x03\x04", 0, "ZIP", _ARCHIVE),
    (b"PK\x05\x06", 0, "empty ZIP", _ARCHIVE),
    (b"\x1f\x8b", 0, "gzip", _ARCHIVE),
    (b"BZh", 0, "bzip2", _ARCHIVE),
    (b"\xfd7zXZ\x00", 0, "xz", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", 0, "7-Zip", _ARCHIVE),
    (b"Rar!\x1a\x07", 0, "RAR", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", 0, "Zstandard", _ARCHIVE),
    (b"ustar", 257, "tar", _ARCHIVE),
    (b"\x7fELF", 0, "ELF", _PROGRAM),
    (b"\xca\xfe\xba\xbe", 0, "Java or macOS", _PROGRAM),
    (b"\xcf\xfa\xed\xfe", 0, "macOS", _PROGRAM),
    (b"SQLite format 3\x00", 0, "a SQLite database", "is {kind}, not a text: remove it."),
    (b"ID3", 0, "MP3", _SOUND),
    (b"OggS", 0, "Ogg", _SOUND),
    (b"RIFF", 0, "RIFF", _SOUND),
    (b"ftyp", 4, "MP4", _SOUND),
    (b"\x1aE\xdf\xa3", 0, "Matroska", _SOUND),
)
_FOREIGN_SUFFIXES = {
    **dict.fromkeys((".mobi", ".azw", ".azw3", ".azw4", ".prc", ".kfx", ".kpf"), ("a Kindle book", _KINDLE)),
    **dict.fromkeys((".doc", ".dot"), ("an old Word document", _OLD_WORD)),
    **dict.fromkeys((".lit", ".lrf", ".pdb", ".snb", ".tcr"), ("a book for an old reader", _KINDLE)),
    **dict.fromkeys((".djvu", ".djv", ".xps", ".oxps"), ("a scan", _CONVERT)),
    **dict.fromkeys((".pages", ".wpd", ".wps", ".sxw", ".abw"), ("a word processor's own file", _OLD_WORD)),
    **dict.fromkeys(
        (".acsm",), ("a loan slip of an e-book, not the book", "is {kind}: use a copy without protection.")
    ),
    **dict.fromkeys((".cbz", ".cbr", ".cb7", ".cbt"), ("a comic", "is {kind}: put it into a folder below panels/.")),
    **dict.fromkeys((".tex", ".adoc", ".asciidoc", ".docm"), ("a source of a book", _CONVERT)),
}
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_HTML_START = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html[\s>])", re.I | re.S)


def refusal(data: bytes) -> str | None:
    """Reason why `data` is no text, as a sentence without its subject; None where none is seen."""
    if data.startswith(_LFS_POINTER):
        return "is a Git LFS pointer, not the text itself: fetch the real file with `git lfs pull`."
    if data.startswith(b"MZ") and b"\x00" in data[:256]:
        return _PROGRAM.format(kind="Windows")
    for magic, offset, kind, sentence in _SIGNATURES:
        if data.startswith(magic, offset) and (len(magic) > 3 or not data[:256].isascii() or b"\x00" in data[:256]):
            return sentence.format(kind=kind)
    return None


def foreign_suffix(suffix: str) -> str | None:
    """Why a file of this suffix is not read and the way out, without its subject; None for an unknown one."""
    if suffix not in _FOREIGN_SUFFIXES:
        return None
    kind, sentence = _FOREIGN_SUFFIXES[suffix]
    return sentence.format(kind=kind)


def looks_like_html(data: bytes) -> bool:
    """True if a file that is not named so begins as an HTML page."""
    head = data[:4096].removeprefix(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\x00", b"")[2:]
    return _HTML_START.match(head) is not None
