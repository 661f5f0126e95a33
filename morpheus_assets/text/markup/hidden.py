"""Elements that a reader of the page never sees: hidden by an attribute, a style, a style sheet, or as page numbers.

Simple selectors only (`.note`, `span.note`, `#note`): what needs a whole browser to know is taken as visible.
"""

import re
from collections.abc import Iterable

from morpheus_assets.text.markup.tags import Piece

_GROUP = re.compile(r"@[a-z-]+[^{};]{0,300}\{(?:[^{}]{0,5000}\{[^{}]{0,5000}\}){0,500}\s*\}", re.I)
_SELECTOR = re.compile(r"(?:(?:html|body)\s+)?([a-z][\w-]*)?(?:([.#])([\w-]+))?", re.I)
_DISPLAY = re.compile(r"(?:^|;)(?:display|visibility):([a-z]+)")
_TINY = re.compile(r"(?:^|;)(?:font-size:0(?:px|em|pt|%)?|opacity:0(?:\.0+)?|mso-hide:all)(?:;|!|$)")
_MAX_SHEET = 200_000
_PAGE_LIST = re.compile(r"page-?list|page-?break|page-?num", re.I)
_PAGE_NUMBER = re.compile(r"\s*[\[(]?\s*(?:p(?:age|g|\.)?\.?\s*)?(?:\d{1,4}|[ivxlc]{1,8})\s*[\])]?\s*", re.I)


def hidden_by_style(style: str) -> bool | None:
    """True if a style attribute hides its element, False if it shows it, None if it says nothing of that."""
    squeezed = re.sub(r"\s+", "", style.lower())
    if _TINY.search(squeezed):
        return True
    shown = None
    for value in _DISPLAY.findall(squeezed):
        if value in ("none", "hidden", "collapse"):
            return True
        shown = False
    return shown


class HiddenStyles:
    """The selectors of a page's style sheets that hide what they match."""

    def __init__(self, sheets: Iterable[str] = ()) -> None:
        self._hidden: set[tuple[str, str, str]] = set()
        for sheet in sheets:
            self.read(sheet)

    def __bool__(self) -> bool:
        return bool(self._hidden)

    def read(self, sheet: str) -> None:
        """Take the rules of one style sheet; a later rule of the same selector wins. @media and its like are left."""
        if "display" not in sheet and "visibility" not in sheet and "opacity" not in sheet and "font-size" not in sheet:
            return
        first, *rest = sheet[:_MAX_SHEET].split("/*")
        plain = _GROUP.sub("", first + "".join(after.partition("*/")[2] for after in rest))
        for rule in plain.split("}"):
            selectors, _, body = rule.rpartition("{")
            hides = hidden_by_style(body)
            if hides is None:
                continue
            for selector in selectors.split(","):
                found = _SELECTOR.fullmatch(selector.strip())
                if found is None or not found[3]:
                    continue
                key = ((found[1] or "").lower(), found[2], found[3])
                (self._hidden.add if hides else self._hidden.discard)(key)

    def hide(self, name: str, attributes: dict[str, str]) -> bool:
        """True if an element is hidden by one of the rules and not shown again by its own style."""
        if not self._hidden:
            return False
        keys = [(".", value) for value in attributes.get("class", "").split()]
        keys += [("#", attributes["id"])] if "id" in attributes else []
        if not any((tag, *key) in self._hidden for key in keys for tag in ("", name)):
            return False
        return hidden_by_style(attributes.get("style", "")) is not False


def is_page_list(piece: Piece, attributes: dict[str, str], source: str) -> bool:
    """True for what aria-hidden marks as page numbers; its other uses (drop capitals, ornaments) are text.

    `source` is the whole markup: what an inline element holds is read from it.
    """
    if attributes.get("aria-hidden", "").lower() != "true":
        return False
    names = " ".join(attributes.get(key, "") for key in ("class", "id", "epub:type", "role"))
    if _PAGE_LIST.search(names) or piece.name in ("nav", "ol", "ul"):
        return True
    inside = source[piece.end : piece.end + 40].partition("<")[0]
    return piece.name in ("span", "a", "div", "p", "sup", "small") and _numbered(inside)


def _numbered(text: str) -> bool:
    # A lone I or C is a drop capital.
    return _PAGE_NUMBER.fullmatch(text) is not None and (any(char.isdigit() for char in text) or len(text.strip()) > 1)
