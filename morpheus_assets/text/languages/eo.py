"""Esperanto."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="eo",
    names="esperanto",
    units={"chapter": "ĉapitro"},
    letters="ĝŭĉŝĵĥé",
    encodings=("iso8859_3",),
    matter={
        "opening": "prologo",
        "between": "interludo",
        "ending": "epilogo",
    },
)
