"""What a file says of its own encoding, and the codec that such a name means in practice."""

import codecs
import re

_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.I)
_GUTENBERG = re.compile(rb"^Character set encoding:[ \t]*([^\r\n]{1,60})", re.I | re.M)
_HEAD, _GUTENBERG_HEAD = 4096, 16_384
# Names that mean more than they say: pages declared so hold what the larger encoding has (WHATWG's Encoding Standard).
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "mac-roman": "mac_roman",
    "mac-cyrillic": "mac_cyrillic",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
}
_ALIASES = {
    "isolatin1": "latin-1",
    "ansi": "cp1252",
    "macintosh": "mac_roman",
    "xmacroman": "mac_roman",
    "xmaccyrillic": "mac_cyrillic",
    "xsjis": "shift_jis",
    "windows31j": "cp932",
    "xeucjp": "euc_jp",
    "xeuckr": "euc_kr",
    "xgbk": "gbk",
    "xbig5": "big5",
    "ksc56011987": "euc_kr",
    "windows949": "cp949",
    "windows874": "cp874",
    "dos862": "cp862",
    "logical": "iso8859-8",
    "visual": "iso8859-8",
    "iso88598i": "cp1255",
    "iso88598": "cp1255",
}


def declared_in_markup(data: bytes) -> str | None:
    """Encoding that a page's own `<meta charset>` or XML declaration names, None without one."""
    found = _CHARSET.search(data[:_HEAD])
    return found.group(1).decode("ascii") if found else None


def declared_in_text(data: bytes) -> str | None:
    """Encoding that the header of a Project Gutenberg text names, None without one."""
    head = data[:_GUTENBERG_HEAD]
    found = _GUTENBERG.search(head) if b"utenberg" in head or b"UTENBERG" in head else None
    return found.group(1).decode("ascii", "replace").strip() if found else None


def python_name(declared: str) -> str | None:
    """The codec that a declaration means: its superset in use, as cp1252 for ISO-8859-1; None for an unknown name."""
    name = declared.split("(")[0].strip()
    squeezed = re.sub(r"[^a-z0-9]", "", name.lower()).removeprefix("cs")
    squeezed = re.sub(r"^codepage", "cp", squeezed)
    for candidate in (_ALIASES.get(squeezed), name, squeezed):
        if not candidate:
            continue
        try:
            found = codecs.lookup(candidate)
        except (LookupError, ValueError):
            continue
        if not found._is_text_encoding:
            continue
        name = _MEANT.get(found.name, found.name)
        return name.replace("iso8859-", "iso8859_") if name.startswith("iso8859-") else name
    return None
