"""Latin."""

from morpheus_assets.text.languages import Language, compounds, counted, tens

_ORDINALS = (
    "primus/prima/primum secundus/secunda/secundum tertius/tertia/tertium quartus/quarta/quartum "
    "quintus/quinta sextus/sexta septimus/septima octavus/octava nonus/nona decimus/decima "
    "undecimus/undecima/undecimum duodecimus/duodecima/duodecimum"
)


def _numbers() -> dict[str, int]:
    ordinals = counted(_ORDINALS)
    ones = [(word, n) for word, n in ordinals.items() if n < 10]
    teens = {f"decimus {word}": 10 + n for word, n in ones} | {f"decima {word}": 10 + n for word, n in ones}
    teens |= {f"{word} decimus": 10 + n for word, n in ones} | {f"{word} decima": 10 + n for word, n in ones}
    return ordinals | teens | compounds("vicesimus/vicesima", ordinals) | tens("vicesimus/vicesima/vicesimum")


LANGUAGE = Language(
    code="la",
    names="latin",
    units={
        "chapter": "caput capitulum",
        "letter": "epistola",
        "canto": "cantus",
        "scene": "scena scoena scaena",
        "act": "actus",
        "book": "liber",
        "part": "pars",
        "volume": "tomus tomos",
    },
    never_units="anno",
    numbers=_numbers,
    matter={"front": "praeludium|principium"},
)
