"""Title and author in a text of Aozora Bunko: its first lines, before the note on its marks or the first blank line."""

import re

from morpheus_assets.text.markup.flattening import FlatText

_MARKS = re.compile(r"［＃|《[ぁ-んァ-ヶー]{1,20}》|【テキスト中に現れる記号について】")
_COLOPHON = "底本："
_TRANSLATOR = re.compile(r"(?:訳|編|校訂|校註|譯|編纂|校注|編輯|編集|補訳|抄訳|共訳)$")
_LATIN = re.compile(r"[\x20-\x7e\u00a0-\u024f’]+")
_HEAD, _TAIL, _TITLE_PAGE = 3_000, 6_000, 300
_LONGEST_LINE, _MOST_LINES = 60, 7


def aozora_header(text: str) -> tuple[str | None, str | None]:
    """(title, author) of a text that shows Aozora's marks or colophon; (None, None) for any other."""
    head = text[:_HEAD]
    if not _MARKS.search(head) and _COLOPHON not in text[-_TAIL:]:
        return None, None
    lines: list[str] = []
    for line in head.lstrip("\n").split("\n"):
        line = line.strip(" \u3000")
        if not line or len(lines) == _MOST_LINES:
            break
        lines.append(line)
    if not lines or len(lines) == _MOST_LINES or any(len(line) > _LONGEST_LINE or "。" in line for line in lines):
        return None, None
    names = [line for line in lines[1:] if not _TRANSLATOR.search(line)]
    if len(names) > 1 and _LATIN.fullmatch(names[-1]) and "・" in names[-2]:
        # the author's name again, in its own letters
        names.pop()
    return lines[0], names[-1] if names else None


def aozora_headings(flat: FlatText) -> tuple[str | None, str | None]:
    """(title, author) of a page with Aozora's colophon, whose first headings they are; else (None, None)."""
    named = [heading for heading in flat.headings[:4] if heading.char_offset < _TITLE_PAGE]
    if _COLOPHON not in flat.text[-_TAIL:] or not named or named[0].level != 1:
        return None, None
    people = [h.text for h in named[1:] if h.level == 2 and not _TRANSLATOR.search(h.text)]
    return named[0].text, people[-1] if people else None
