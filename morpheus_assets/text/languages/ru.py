"""Russian."""

from morpheus_assets.text.languages import CYRILLIC, Language, listed

_CARDINALS = listed("один два три четыре пять шесть семь восемь девять десять")
_ORDINALS = listed(
    "перв втор трет четверт пят шест седьм восьм девят десят одиннадцат двенадцат тринадцат четырнадцат пятнадцат "
    "шестнадцат семнадцат восемнадцат девятнадцат"
)
_TENS = {
    20: ("двадцать", "двадцат"),
    30: ("тридцать", "тридцат"),
    40: ("сорок", "сороков"),
    50: ("пятьдесят", "пятидесят"),
    60: ("шестьдесят", "шестидесят"),
    70: ("семьдесят", "семидесят"),
    80: ("восемьдесят", "восьмидесят"),
    90: ("девяносто", "девяност"),
}
_ENDINGS = listed("ый ой ая ое ий ья ье")


def _numbers() -> dict[str, int]:
    units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS, 1) for ending in _ENDINGS}
    table = units | {word: n for n, word in enumerate(_CARDINALS, 1)} | {"последняя": -1}
    for tens, (cardinal, stem) in _TENS.items():
        table |= {f"{stem}{ending}": tens for ending in _ENDINGS}
        table |= {f"{cardinal} {word}": tens + n for word, n in units.items() if n < 10}
    return table


LANGUAGE = Language(
    code="ru",
    names="russian rus",
    search_configuration="russian",
    units={
        "chapter": "глава гл",
        "letter": "письмо",
        "canto": "песнь песня",
        "story": "рассказ",
        "day": "ночь",
        "scene": "явление сцена картина",
        "book": "книга",
        "part": "часть",
        "volume": "том",
        "act": "действие акт",
    },
    numbers=_numbers,
    ordinal_suffixes="я й ая ый ой ое",
    matter={
        "front": "предисловие|введение|вступление|от автора|посвящение",
        "opening": "пролог",
        "between": "интерлюдия|интермедия|интермеццо|экстра|бонус|бонусная глава|побочная история",
        "ending": "эпилог|послесловие",
        "back": "примечания|приложение|комментарии|от переводчика|от переводчиков|словарь",
        "contents": "оглавление|содержание",
        "closing": "заключение|последняя глава",
    },
    letters="оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    encodings=(*CYRILLIC, "koi8_r"),
)
