"""Headings of Chinese, Japanese and Korean books: one line → unit, number, title."""

import re
from functools import lru_cache

from morpheus_assets.text.chapters.heading import CONTAINERS, Heading
from morpheus_assets.text.chapters.numerals import CJK_NUMERAL, cjk_value
from morpheus_assets.text.chapters.vocabulary import vocabulary

_HANGUL_NUMERAL = r"(?:\d{1,4}|[일이삼사오육칠팔구십백]{1,5})"
_SPACE = r"[\s\u3000]*"
_SEPARATOR = re.compile(r"[\s\u3000]+|[：:、．.・·—―\-－–，]+[\s\u3000]*")
_PREFIXED = re.compile(
    rf"(?:正文|本文|卷|巻|其|その|之|第|章|回){_SPACE}(?:之|の|ノ)?{_SPACE}({CJK_NUMERAL})(?={_SPACE}$|[\s\u3000：:、．.])"
)
_SUFFIXED = re.compile(rf"({CJK_NUMERAL}){_SPACE}([章回話话巻卷幕])(?={_SPACE}$|[\s\u3000：:、．.])")
_BARE = re.compile(rf"[(（〔［【]?({CJK_NUMERAL})[)）〕］】]?[．.、]?$")
_THIRDS = re.compile(r"([上中下前後后])(?:[篇編编卷巻部]|之[卷巻部])?(?=$|[\s\u3000：:、])")
_LAST = re.compile(r"(?:最終|最终|終|终)[章回話话]|大[結结]局")
_THIRD_VALUES = {"上": 1, "前": 1, "中": 2, "下": 3, "後": 3, "后": 3}
_FIRST = frozenset(
    "第卷巻其その之章回正本上中下前後后最終终大제〇零一二三四五六七八九十百千壱壹廿卅(（〔［【"
    "０１２３４５６７８９일이삼사오육칠팔구십백"
)


@lru_cache(maxsize=1)
def _han_ordinal() -> re.Pattern[str]:
    """第一章, and 第十章之二."""
    units = "".join(unit for unit in vocabulary().counters if not _is_hangul(unit))
    return re.compile(rf"第{_SPACE}({CJK_NUMERAL}){_SPACE}([{units}])(?:之({CJK_NUMERAL}))?")


@lru_cache(maxsize=1)
def _hangul_ordinal() -> re.Pattern[str]:
    """제1장, and 일장."""
    units = "".join(filter(_is_hangul, vocabulary().counters))
    return re.compile(rf"제?{_SPACE}({_HANGUL_NUMERAL}){_SPACE}([{units}])(?=$|[\s.:,\-–—)])")


def _is_hangul(character: str) -> bool:
    return "가" <= character <= "힣"


def parse_cjk(text: str) -> Heading | None:
    """Read a cleaned line as a CJK heading; None where it is none."""
    if not text or (text[0] not in _FIRST and not (text[0].isdigit() and not text.isascii())):
        return None
    parsed = _ordinal(text) or _korean(text)
    if parsed is not None:
        return parsed
    for pattern in (_PREFIXED, _SUFFIXED):
        match = pattern.match(text)
        if match:
            unit = vocabulary().counters.get(match.group(2) if pattern is _SUFFIXED else text[0])
            value = cjk_value(match.group(1))
            if value is not None:
                return _parsed(unit or "", value, text, match.end(), style="cjk" if unit else "bare-cjk")
    if _LAST.match(text):
        return _parsed("chapter", None, text, _LAST.match(text).end())  # type: ignore[union-attr]
    match = _BARE.match(text)
    if match and not text.isascii():
        value = cjk_value(match.group(1))
        return None if value is None else Heading("", value, "bare-cjk", "", True, True, label=text)
    third = _THIRDS.match(text)
    if third:
        return _parsed("part", _THIRD_VALUES[third.group(1)], text, third.end())
    return _titled(text)


def _ordinal(text: str) -> Heading | None:
    match = _han_ordinal().match(text) or re.match(rf"正文{_SPACE}(?=第)", text)
    if match and not match.group().startswith("第"):
        return _ordinal(text[match.end() :])
    if not match:
        return None
    value = cjk_value(match.group(1))
    if value is None:
        return None
    unit = vocabulary().counters[match.group(2)]
    if unit in CONTAINERS:
        inner = re.search(rf"[\s\u3000：:·]({_han_ordinal().pattern})", text[match.end() :])
        if inner:
            parsed = _ordinal(text[match.end() + inner.start(1) :])
            return None if parsed is None else parsed._replace(outer=(unit, value))
    return _parsed(unit, value, text, match.end())


def _korean(text: str) -> Heading | None:
    match = _hangul_ordinal().match(text)
    value = cjk_value(match.group(1)) if match else None
    if match is None or value is None:
        return None
    return _parsed(vocabulary().counters[match.group(2)], value, text, match.end())


def _titled(text: str) -> Heading | None:
    match = re.match(rf"[(（〔［【]?({CJK_NUMERAL})[)）〕］】]?([、．.：:]|[\s\u3000]+)[\s\u3000]*(?=\S)", text)
    if not match or text.isascii() or len(text) > 60:
        return None
    value = cjk_value(match.group(1))
    if value is None or value > 999:
        return None
    return Heading("", value, "titled-cjk", text[match.end() :], True, True, label=match.group(1))


def _parsed(unit: str, value: float | None, text: str, end: int, style: str = "cjk") -> Heading:
    separator = _SEPARATOR.match(text[end:])
    title = text[end + separator.end() :] if separator else text[end:]
    return Heading(
        unit, value, style, title.strip("\u3000 "), bool(separator) or end >= len(text), True, label=text[:end]
    )
