"""Rich Text Format: its paragraphs, with headings by outline level or style; hidden and deleted text is left out.

A tokenizer and a stack of groups; pictures, fields' codes, headers and comments are skipped.
"""

import codecs
import re
from dataclasses import dataclass, field, replace

from morpheus_assets.text.documents import Document
from morpheus_assets.text.errors import UnreadableText
from morpheus_assets.text.readers.blocks import Blocks

_TOKEN = re.compile(
    r"\\([A-Za-z]{1,32})(-?[0-9]{1,10})?[ ]?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\", re.S
)
_SKIPPED = frozenset(
    str.split(
        "colortbl filetbl revtbl listtable listoverridetable rsidtbl pict object header headerl headerr headerf "
        "footer footerl footerr footerf ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn annotation atnid atnauthor "
        "atndate atnref xe tc rxe fldinst nonshppict themedata colorschememapping datastore latentstyles bkmkstart "
        "bkmkend pntext pntxta pntxtb generator userprops xmlnstbl wgrffmtfilter operator doccomm company category "
        "keywords comment creatim revtim printim buptim hlinkbase listtext template subject manager stylesheet "
        "fonttbl info mmathPr do"
    )
)
_SYMBOLS = {
    "tab": "\t",
    "line": "\n",
    "lbr": "\n",
    "emdash": "—",
    "endash": "–",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "cell": " ",
    "nestcell": " ",
    "zwj": "\u200d",
    "zwnj": "\u200c",
}
_ENDS = frozenset(("par", "page", "sect", "row", "nestrow", "column"))
_CHARSETS = {
    0: "cp1252", 1: "", 2: "", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030",
    136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_PAGES = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_MAX_DEPTH = 500
_MAX_PARAGRAPH = 8 * 1024 * 1024


@dataclass
class _Group:
    """What holds until the group's closing brace."""

    skipped: bool = False
    hidden: bool = False
    deleted: bool = False
    encoding: str = ""
    after_unicode: int = 1
    destination: str = ""


@dataclass
class _Paragraph:
    level: int = 0
    style: int = -1
    pieces: list[str] = field(default_factory=list)
    length: int = 0


def read_rtf(data: bytes) -> Document:
    """An RTF file; source positions are offsets into the text. Raises UnreadableText."""
    start = data[:64].find(b"{\\rtf")
    if start < 0:
        raise UnreadableText('is no RTF: it does not begin with "{\\rtf", so save it anew.')
    return _Reader(data[start:].decode("latin-1")).run()


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.blocks = Blocks("docx")
        self.group = _Group()
        self.stack: list[_Group] = []
        self.page = "cp1252"
        self.fonts: dict[int, str] = {}
        self.font = -1
        self.headings: dict[int, int] = {}
        self.info: dict[str, str] = {}
        self.bytes = bytearray()
        self.encoding = ""
        self.surrogate = ""
        self.pending_skip = 0
        self.paragraph = _Paragraph()
        self.around: list[_Paragraph] = []
        self.notes: list[str] = []
        self.notes_seen = 0
        self.hidden = 0
        self.collected: list[str] = []
        self.style = -1

    def run(self) -> Document:
        position = 0
        while (token := _TOKEN.match(self.source, position)) is not None:
            position = token.end()
            word, number, code, symbol, brace, text = token.groups()
            if word:
                if word == "bin" and number:
                    position += max(int(number), 0)
                self._word(word, int(number) if number else None)
            elif code:
                self._byte(int(code, 16))
            elif symbol:
                self._symbol(symbol)
            elif brace == "{":
                self._open()
            elif brace:
                self._close()
                if not self.stack:
                    break
            elif text:
                self._raw(text)
        self._end_paragraph()
        left_out = (f"{self.hidden:,} passages of hidden text were left out.",) if self.hidden else ()
        return self.blocks.document(
            "rtf", self.page, repairs=left_out, title=self.info.get("title"), author=self.info.get("author")
        )

    def _open(self) -> None:
        self._flush()
        if len(self.stack) >= _MAX_DEPTH:
            raise UnreadableText("is nested more deeply than any book: it is not read.")
        self.stack.append(self.group)
        self.group = replace(self.group)
        self.pending_skip = 0

    def _close(self) -> None:
        self._flush()
        closed, self.group = self.group, self.stack.pop() if self.stack else _Group()
        self.pending_skip = 0
        if closed.destination and closed.destination != self.group.destination:
            self._end_destination(closed.destination)

    def _end_destination(self, name: str) -> None:
        if name == "footnote":
            note = "".join(self.paragraph.pieces).strip()
            self.paragraph = self.around.pop() if self.around else _Paragraph()
            if note:
                self.notes.append(note if note.startswith("[") else f"[{self.notes_seen}] {note}")
        elif name in ("title", "author"):
            self.info[name] = "".join(self.collected).strip()
        self.collected = []

    def _word(self, word: str, number: int | None) -> None:
        group = self.group
        if word in ("u", "uc"):
            if word == "uc":
                group.after_unicode = min(max(number or 0, 0), 16)
            else:
                self._unicode(number or 0)
            return
        self._flush()
        if word in _SKIPPED:
            group.skipped = group.skipped or word not in ("info", "fonttbl", "stylesheet")
            group.destination = word
        elif word in ("title", "author") and group.destination == "info":
            group.destination = word
        elif word == "footnote" and not group.skipped:
            self.notes_seen += 1
            self._put(f"[{self.notes_seen}]" if not self.paragraph.level else "")
            self.around.append(self.paragraph)
            self.paragraph = _Paragraph()
            group.destination = word
        elif word in _PAGES:
            self.page = _PAGES[word]
        elif word == "ansicpg" and number:
            self.page = _known(f"cp{number}") or ("utf-8" if number == 65001 else self.page)
        elif word in ("f", "fcharset", "s"):
            self._numbered(word, -1 if number is None else number)
        elif word == "cpg" and number:
            self.fonts[self.font] = _known(f"cp{number}") or ""
        elif word == "plain":
            group.hidden, group.deleted, group.encoding = False, False, ""
        elif word in ("v", "deleted"):
            setattr(group, "hidden" if word == "v" else "deleted", number != 0)
        elif word == "outlinelevel":
            level = (number or 0) + 1 if (number or 0) < 9 else 0
            if group.destination == "stylesheet":
                self.headings[self.style] = level
            else:
                self.paragraph.level = level
        elif word == "pard":
            if not group.skipped and group.destination != "stylesheet":
                self.paragraph.level, self.paragraph.style = 0, -1
        elif word in _ENDS:
            self._break(word)
        elif word in _SYMBOLS:
            self._put(_SYMBOLS[word])

    def _numbered(self, word: str, number: int) -> None:
        group = self.group
        if word == "f":
            self.font = number
            group.encoding = self.fonts.get(number, "") if group.destination != "fonttbl" else ""
        elif word == "fcharset":
            self.fonts[self.font] = _known(_CHARSETS.get(number, "")) or ""
        elif group.destination == "stylesheet":
            self.style = number
        else:
            self.paragraph.style = number

    def _break(self, word: str) -> None:
        if self.group.skipped or self.group.destination in ("stylesheet", "fonttbl", "info", "title", "author"):
            return
        if self.around:
            self._put(" ")
        else:
            level, style = self.paragraph.level, self.paragraph.style
            self._end_paragraph()
            self.paragraph.level, self.paragraph.style = level, style

    def _end_paragraph(self) -> None:
        self._flush()
        paragraph, self.paragraph = self.paragraph, _Paragraph()
        level = paragraph.level or self.headings.get(paragraph.style, 0)
        self.blocks.add("".join(paragraph.pieces), level=level)
        for note in self.notes:
            self.blocks.add(note)
        self.notes = []

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._flush()
            # What a reader does not know it skips: all that this one needs begins without an asterisk.
            self.group.skipped = True
        elif symbol in "\r\n":
            self._word("par", None)
        elif symbol == "~":
            self._put("\xa0")
        elif symbol == "_":
            self._put("-")
        elif symbol in "\\{}":
            self._raw(symbol)

    def _raw(self, text: str) -> None:
        if self.pending_skip:
            taken = min(self.pending_skip, len(text))
            self.pending_skip -= taken
            text = text[taken:]
        if self.group.skipped or not text:
            return
        self._into_bytes(text.encode("latin-1"))

    def _byte(self, value: int) -> None:
        if self.pending_skip:
            self.pending_skip -= 1
        elif not self.group.skipped:
            self._into_bytes(bytes((value,)))

    def _into_bytes(self, data: bytes) -> None:
        encoding = self.group.encoding or self.page
        if encoding != self.encoding:
            self._flush()
            self.encoding = encoding
        self.bytes += data

    def _unicode(self, number: int) -> None:
        self._flush()
        self.pending_skip = self.group.after_unicode
        if self.group.skipped:
            return
        char = chr(number & 0xFFFF)
        if "\ud800" <= char <= "\udbff":
            self.surrogate = char
            return
        if "\udc00" <= char <= "\udfff":
            char = (self.surrogate + char).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        self.surrogate = ""
        self._put(char)

    def _flush(self) -> None:
        if self.bytes:
            data, self.bytes = bytes(self.bytes), bytearray()
            self._put(data.decode(self.encoding or self.page, "replace"))

    def _put(self, text: str) -> None:
        group = self.group
        if group.skipped or not text:
            return
        if group.destination == "stylesheet":
            found = re.match(r"\s*heading ([1-9])\s*;?", text, re.I)
            if found and self.style >= 0:
                self.headings.setdefault(self.style, int(found[1]))
        elif group.destination in ("title", "author"):
            self.collected.append(text)
        elif group.hidden or group.deleted:
            self.hidden += bool(text.strip())
        elif group.destination not in ("fonttbl", "info"):
            self.paragraph.pieces.append(text)
            self.paragraph.length += len(text)
            if self.paragraph.length > _MAX_PARAGRAPH:
                raise UnreadableText("holds a paragraph that no book has: it is not read.")


def _known(encoding: str) -> str | None:
    try:
        return codecs.lookup(encoding).name if encoding else None
    except LookupError:
        return None
