"""Esperanto."""

from morpheus_assets.text.languages import Language, compounds, counted, tens

_ORDINALS = "unua dua tria kvara kvina sesa sepa oka naŭa deka"


def _numbers() -> dict[str, int]:
    ordinals = counted(_ORDINALS)
    teens = {f"dek {word}": 10 + n for word, n in ordinals.items() if n < 10}
    return ordinals | teens | compounds("dudek tridek kvardek kvindek", ordinals) | tens("dudeka trideka kvardeka")


LANGUAGE = Language(
    code="eo",
    names="esperanto",
    units={"chapter": "ĉapitro", "book": "libro", "part": "parto"},
    numbers=_numbers,
    letters="ĝŭĉŝĵĥé",
    encodings=("iso8859_3",),
    matter={
        "opening": "prologo",
        "between": "interludo",
        "ending": "epilogo",
    },
)
