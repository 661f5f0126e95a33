"""Romanian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, compounds, counted, tens

_ORDINALS = (
    "doilea treilea patrulea cincilea șaselea șaptelea optulea nouălea zecelea unsprezecelea doisprezecelea "
    "treisprezecelea paisprezecelea cincisprezecelea șaisprezecelea șaptesprezecelea optsprezecelea "
    "nouăsprezecelea douăzecilea"
)
_FEMININE = "doua treia patra cincea șasea șaptea opta noua zecea unsprezecea douăsprezecea treisprezecea"
_CARDINALS = (
    "unu/una doi/două trei patru cinci șase șapte opt nouă zece unsprezece doisprezece treisprezece paisprezece "
    "cincisprezece șaisprezece șaptesprezece optsprezece nouăsprezece"
)
_TENS = "douăzeci treizeci patruzeci cincizeci"


def _numbers() -> dict[str, int]:
    table = {"întâi": 1, "întîi": 1, "unu": 1}
    cardinals = counted(_CARDINALS)
    table |= cardinals | tens(_TENS) | compounds(_TENS, cardinals, "{ten} și {one}")
    table |= {f"a {word}": n for n, word in enumerate(_FEMININE.split(), 2)}
    return table | {f"al {word}": n for n, word in enumerate(_ORDINALS.split(), 2)}


LANGUAGE = Language(
    code="ro",
    search_configuration="romanian",
    units={
        "chapter": "capitolul capitol",
        "book": "cartea",
        "part": "partea",
        "volume": "volumul",
        "act": "actul",
        "letter": "scrisoarea",
        "canto": "cântul",
    },
    numbers=_numbers,
    letters="ăîâșțşţ",
    encodings=CENTRAL_EUROPEAN,
    matter={
        "front": "prefață|introducere|cuvânt înainte",
        "opening": "prolog",
        "between": "interludiu",
        "ending": "epilog|postfață",
    },
)
