"""How books print their chapter headings: one function a style, and the layouts around them. For tests only."""

from collections.abc import Callable

from morpheus_assets.text.languages import listed

TITLES = listed(
    """The House by the River|A Letter Arrives|What the Miller Saw|Down the Valley|An Old Acquaintance|The Storm
In Which a Door Is Opened|Midnight|The Lantern|A Bargain|Father and Son|Brother Anselm's Story|Over the Pass
The Toll Keeper|Snow|The Red Ribbon|A Question of Money|Return|The Trial|Two Roads|Harvest|The Empty Chair
On the Water|The Last Night|Smoke|A Wedding Guest|The Map|Bread and Salt|An Answer|The Bell""",
    "|",
)
TITLES_ZH = listed(
    """風雪夜歸人 舊友重逢 河上燈火 老屋 一封信 山中小路 集市 失而復得 秋日 雨中行 月下對飲 別離
    故鄉 長夜 渡口 春雷 遠行 客棧 白馬 歸來 石橋 晚鐘 破曉 尋人"""
)
_ONES = listed(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen"""
)
_ORDINALS = listed(
    """zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"""
)
_GERMAN = listed(
    """nulltes erstes zweites drittes viertes fünftes sechstes siebentes achtes neuntes zehntes elftes
    zwölftes dreizehntes vierzehntes fünfzehntes sechzehntes siebzehntes achtzehntes neunzehntes"""
)
_SPANISH = listed(
    """cero primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo
    decimotercero decimocuarto decimoquinto"""
)
_ITALIAN = listed(
    """zero primo secondo terzo quarto quinto sesto settimo ottavo nono decimo undicesimo dodicesimo
    tredicesimo quattordicesimo quindicesimo"""
)
_RUSSIAN = listed(
    """нулевая первая вторая третья четвертая пятая шестая седьмая восьмая девятая десятая одиннадцатая
    двенадцатая тринадцатая четырнадцатая пятнадцатая шестнадцатая семнадцатая восемнадцатая
    девятнадцатая"""
)
_DUTCH = listed("nulde eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde")


def roman(number: int) -> str:
    """1 → "I"."""
    result = ""
    for value, letters in (
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ):
        result += letters * (number // value)
        number %= value
    return result


def words(number: int) -> str:
    """21 → "twenty-one"."""
    if number < 20:
        return _ONES[number]
    tens = ["twenty", "thirty", "forty", "fifty"][number // 10 - 2]
    return tens + (f"-{_ONES[number % 10]}" if number % 10 else "")


def ordinal(number: int) -> str:
    """21 → "twenty-first"."""
    if number < 20:
        return _ORDINALS[number]
    tens = ["twent", "thirt", "fort", "fift"][number // 10 - 2]
    return f"{tens}y-{_ORDINALS[number % 10]}" if number % 10 else f"{tens}ieth"


def chinese(number: int) -> str:
    """12 → "十二"."""
    digits = "零一二三四五六七八九"
    if number >= 100:
        rest = number % 100
        return f"{digits[number // 100]}百" + (("零" if rest < 10 else "") + chinese(rest) if rest else "")
    if number < 10:
        return digits[number]
    return (digits[number // 10] if number >= 20 else "") + "十" + (digits[number % 10] if number % 10 else "")


def pick(names: list[str], number: int, fallback: Callable[[int], str]) -> str:
    """The number's name where the table has it, else the fallback's."""
    return names[number] if number < len(names) else fallback(number)


Style = Callable[[int, str], str]
"""(number within the part, title) → the heading's lines."""

STYLES: dict[str, Style] = {
    "CHAPTER I": lambda n, t: f"CHAPTER {roman(n)}",
    "CHAPTER I.": lambda n, t: f"CHAPTER {roman(n)}.",
    "CHAPTER I. Title": lambda n, t: f"CHAPTER {roman(n)}. {t}",
    "CHAPTER I / TITLE": lambda n, t: f"CHAPTER {roman(n)}\n\n{t.upper()}",
    "CHAPTER I TITLE on next line": lambda n, t: f"CHAPTER {roman(n)}\n{t.upper()}",
    "Chapter 1": lambda n, t: f"Chapter {n}",
    "Chapter 1: Title": lambda n, t: f"Chapter {n}: {t}",
    "Chapter 1 - Title": lambda n, t: f"Chapter {n} - {t}",
    "Chapter 1 TITLE": lambda n, t: f"Chapter {n} {t.upper()}",
    "Chapter One": lambda n, t: f"Chapter {words(n).title()}",
    "CHAPTER ONE / TITLE": lambda n, t: f"CHAPTER {words(n).upper()}\n\n{t}",
    "Chapter the First": lambda n, t: f"Chapter the {ordinal(n).title()}",
    "THE FIRST CHAPTER": lambda n, t: f"THE {ordinal(n).upper()} CHAPTER",
    "chapter 1 (lower case)": lambda n, t: f"chapter {n}",
    "CHAP. I.": lambda n, t: f"CHAP. {roman(n)}.",
    "  indented Chapter 1. Title": lambda n, t: f"   Chapter {n}. {t}",
    "centred CHAPTER I": lambda n, t: f"CHAPTER {roman(n)}".center(70).rstrip(),
    "_CHAPTER I_": lambda n, t: f"_CHAPTER {roman(n)}_",
    "== Chapter 1 ==": lambda n, t: f"== Chapter {n} ==",
    "*** Chapter 1 ***": lambda n, t: f"*** Chapter {n} ***",
    "# Chapter 1": lambda n, t: f"# Chapter {n}",
    "**Chapter 1: Title**": lambda n, t: f"**Chapter {n}: {t}**",
    "I": lambda n, t: roman(n),
    "I.": lambda n, t: f"{roman(n)}.",
    "1": lambda n, t: str(n),
    "1.": lambda n, t: f"{n}.",
    "— 1 —": lambda n, t: f"— {n} —",
    "[ 1 ]": lambda n, t: f"[ {n} ]",
    "ONE": lambda n, t: words(n).upper(),
    "One": lambda n, t: words(n).title(),
    "I. TITLE": lambda n, t: f"{roman(n)}. {t.upper()}",
    "I. Title": lambda n, t: f"{roman(n)}. {t}",
    "I—Title": lambda n, t: f"{roman(n)}—{t}",
    "1. Title": lambda n, t: f"{n}. {t}",
    "1 / Title": lambda n, t: f"{n}\n\n{t}",
    "I / TITLE": lambda n, t: f"{roman(n)}\n\n{t.upper()}",
    "One - TITLE": lambda n, t: f"{words(n).title()} - {t.upper()}",
    "* I *": lambda n, t: f"* {roman(n)} *",
    "STAVE ONE": lambda n, t: f"STAVE {words(n).upper()}",
    "LETTER I": lambda n, t: f"LETTER {roman(n)}",
    "ADVENTURE I. TITLE": lambda n, t: f"ADVENTURE {roman(n)}. {t.upper()}",
    "CANTO I": lambda n, t: f"CANTO {roman(n)}",
    "KNOT I": lambda n, t: f"KNOT {roman(n)}",
    "BOOK I": lambda n, t: f"BOOK {roman(n)}",
    "SCENE I. Place.": lambda n, t: f"SCENE {roman(n)}. {t}.",
    "§ 1": lambda n, t: f"§ {n}",
    "CHAPITRE PREMIER, CHAPITRE II": lambda n, t: "CHAPITRE PREMIER" if n == 1 else f"CHAPITRE {roman(n)}",
    "Chapitre I — Title": lambda n, t: f"Chapitre {roman(n)} — {t}",
    "Capítulo primero": lambda n, t: f"Capítulo {pick(_SPANISH, n, roman)}. {t}",
    "CAPITULO I": lambda n, t: f"CAPITULO {roman(n)}",
    "Erstes Kapitel": lambda n, t: f"{pick(_GERMAN, n, str).title()} Kapitel" if n < 20 else f"{n}. Kapitel",
    "1. Kapitel": lambda n, t: f"{n}. Kapitel",
    "CAPITOLO PRIMO": lambda n, t: f"CAPITOLO {pick(_ITALIAN, n, roman).upper()}",
    "Capitolo I": lambda n, t: f"Capitolo {roman(n)}",
    "Глава I": lambda n, t: f"Глава {roman(n)}",
    "ГЛАВА ПЕРВАЯ": lambda n, t: f"ГЛАВА {pick(_RUSSIAN, n, str).upper()}",
    "HOOFDSTUK I": lambda n, t: f"HOOFDSTUK {roman(n)}",
    "Eerste hoofdstuk": lambda n, t: f"{pick(_DUTCH, n, lambda k: f'{k}e').title()} hoofdstuk",
    "KAPITEL 1": lambda n, t: f"KAPITEL {n}",
    "Rozdział I": lambda n, t: f"Rozdział {roman(n)}",
}
TITLE_STYLES: dict[str, Style] = {
    "TITLE": lambda n, t: t.upper(),
    "Title": lambda n, t: t,
    "_Title_": lambda n, t: f"_{t}_",
    "centred TITLE": lambda n, t: t.upper().center(70).rstrip(),
}
CJK_STYLES: dict[str, Style] = {
    "第一章　標題": lambda n, t: f"第{chinese(n)}章　{t}",
    "第一章": lambda n, t: f"第{chinese(n)}章",
    "第1章 標題": lambda n, t: f"第{n}章 {t}",
    "第一章標題": lambda n, t: f"第{chinese(n)}章{t}",
    "第一回 標題": lambda n, t: f"第{chinese(n)}回 {t}",
    "第１話　標題": lambda n, t: f"第{str(n).translate(str.maketrans('0123456789', '０１２３４５６７８９'))}話　{t}",
    "一": lambda n, t: chinese(n),
    "一、標題": lambda n, t: f"{chinese(n)}、{t}",
    "［＃見出し］一": lambda n, t: f"［＃５字下げ］{chinese(n)}［＃「{chinese(n)}」は中見出し］",
    "［＃見出し］標題": lambda n, t: f"［＃３字下げ］{t}［＃「{t}」は中見出し］",
    "【第一章】標題": lambda n, t: f"【第{chinese(n)}章】{t}",
    "正文 第一章 標題": lambda n, t: f"正文 第{chinese(n)}章 {t}",
    "제1장 제목": lambda n, t: f"제{n}장 {t}",
    "1화": lambda n, t: f"{n}화",
}
