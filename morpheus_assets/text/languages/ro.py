"""Romanian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language

_ORDINALS = "doilea treilea patrulea cincilea șaselea șaptelea optulea nouălea zecelea"


def _numbers() -> dict[str, int]:
    table = {"întâi": 1, "întîi": 1, "unu": 1}
    return table | {f"al {word}": n for n, word in enumerate(_ORDINALS.split(), 2)}


LANGUAGE = Language(
    code="ro",
    search_configuration="romanian",
    units={"chapter": "capitolul capitol", "book": "cartea", "part": "partea", "volume": "volumul"},
    numbers=_numbers,
    letters="ăîâșțşţ",
    encodings=CENTRAL_EUROPEAN,
    matter={
        "opening": "prolog",
        "between": "interludiu",
        "ending": "epilog|postfață",
    },
)
