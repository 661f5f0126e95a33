"""Catalan."""

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = (
    "primer/primera segon/segona tercer/tercera quart/quarta cinquè/cinquena sisè/sisena setè/setena "
    "vuitè/vuitena novè/novena desè/desena"
)

LANGUAGE = Language(
    code="ca",
    names="catalan",
    search_configuration="catalan",
    units={"chapter": "capítol", "book": "llibre", "part": "part"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "pròleg",
        "between": "interludi",
        "ending": "epíleg",
    },
    letters="àéèíòçóúïü",
    encodings=WESTERN,
)
