"""Swedish."""

from morpheus_assets.text.languages import WESTERN, Language, Numerals, counted

_CARDINALS = (
    "ett/en två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton/aderton nitton"
)
_ORDINALS = (
    "första/förste andra/andre tredje fjärde femte sjätte sjunde åttonde nionde tionde elfte/elvte tolfte/tolvte "
    "trettonde fjortonde femtonde sextonde sjuttonde adertonde/artonde nittonde"
)
_TENS = ("tjugo/tjugu", "trettio", "fyrtio", "femtio", "sextio", "sjuttio", "åttio", "nittio")


def _numbers() -> dict[str, int]:
    table = counted(_CARDINALS) | counted(_ORDINALS)
    units = {word: n for word, n in table.items() if n < 10}
    for value, forms in enumerate(_TENS, 2):
        for tens in forms.split("/"):
            table |= {tens: value * 10, f"{tens}nde": value * 10}
            table |= {f"{tens}{word}": value * 10 + n for word, n in units.items()}
    return table | {"sista": -1}


def _before_colon(token: str) -> int | None:
    digits, colon, _ = token.partition(":")
    return int(digits) if colon and digits.isdecimal() else None


LANGUAGE = Language(
    code="sv",
    names="swedish",
    search_configuration="swedish",
    units={
        "chapter": "kapitel kapitlet kap",
        "letter": "brev brevet",
        "canto": "sång sången",
        "scene": "scen scenen",
        "book": "bok boken",
        "part": "del delen avdelning avdelningen",
        "volume": "band bandet",
        "act": "akt akten",
    },
    numbers=_numbers,
    numerals=Numerals(r"\d{1,3}:(?:a|e|sta|ste|dra|dre|dje|de|te|nde)(?!\w)", _before_colon),
    matter={
        "front": "förord|företal|inledning|till läsaren",
        "opening": "prolog",
        "between": "mellanspel|interludium",
        "ending": "epilog|efterord",
        "back": "efterskrift|noter|anmärkningar|bilaga",
        "boilerplate": "slut",
        "contents": "innehåll|innehållsförteckning",
        "closing": "sista kapitlet",
    },
    letters="äåöéà",
    encodings=WESTERN,
    accented=(
        "är för när här där så på då må få två gå stå också från ändå även år åt måste något någon några själv "
        "själva själ väl nämligen träffa världen hälsa människa människor länge lägga kärlek käre mängd ställe "
        "stället bättre många kände hände öga ögon över öppnade öppen höra hörde gör göra större först början bröder "
        "mötte söner förr före ön Öland Åke Åland Älskade idé armé"
    ),
)
