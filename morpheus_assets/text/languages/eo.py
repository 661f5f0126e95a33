"""Esperanto."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = "unua dua tria kvara kvina sesa sepa oka naŭa deka"

LANGUAGE = Language(
    code="eo",
    names="esperanto",
    units={"chapter": "ĉapitro", "book": "libro", "part": "parto"},
    numbers=lambda: counted(_ORDINALS),
    letters="ĝŭĉŝĵĥé",
    encodings=("iso8859_3",),
    matter={
        "opening": "prologo",
        "between": "interludo",
        "ending": "epilogo",
    },
)
