"""Turkish."""

from morpheus_assets.text.languages import Language, compounds, counted, tens

_ORDINALS = "birinci ikinci üçüncü dördüncü beşinci altıncı yedinci sekizinci dokuzuncu onuncu"
_CARDINALS = "bir iki üç dört beş altı yedi sekiz dokuz on"
_TENS = "yirmi otuz kırk elli altmış yetmiş seksen doksan"


def _numbers() -> dict[str, int]:
    """Without the bare "on" (ten), an English word; capitals lose the dot that ı and i differ by."""
    ordinals, cardinals = counted(_ORDINALS), counted(_CARDINALS)
    teens = {f"on {word}": 10 + n for table in (ordinals, cardinals) for word, n in table.items() if n < 10}
    table = ordinals | teens | {word: n for word, n in cardinals.items() if n < 10}
    table |= tens("yirminci otuzuncu kırkıncı ellinci") | tens(_TENS)
    table |= compounds(_TENS, ordinals) | compounds(_TENS, cardinals)
    return table | {word.replace("ı", "i"): n for word, n in table.items()} | {"son": -1}


LANGUAGE = Language(
    code="tr",
    search_configuration="turkish",
    units={
        "chapter": "bölüm",
        "book": "kitap",
        "part": "kısım kisim",
        "volume": "cilt",
        "act": "perde",
        "scene": "sahne",
    },
    numbers=_numbers,
    matter={
        "front": "önsöz|sunuş",
        "opening": "prolog|giriş",
        "between": "ara bölüm|ek bölüm",
        "ending": "epilog|sonsöz",
        "back": "notlar|ekler",
    },
    letters="ışğüöçâîû",
    encodings=("cp1254", "cp857"),
)
