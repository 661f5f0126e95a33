"""Catalan."""

from morpheus_assets.text.languages import WESTERN, Language, compounds, counted, tens

_ORDINALS = (
    "primer/primera segon/segona tercer/tercera quart/quarta cinquè/cinquena sisè/sisena setè/setena "
    "vuitè/vuitena novè/novena desè/desena onzè dotzè tretzè catorzè quinzè setzè dissetè divuitè dinovè"
)


def _numbers() -> dict[str, int]:
    ones = counted("unè segon tercer quart cinquè sisè setè vuitè novè")
    joined = compounds("vint", ones, "{ten} i {one}") | compounds("vint trenta quaranta cinquanta", ones)
    return counted(_ORDINALS) | joined | tens("vintè trentè quarantè cinquantè")


LANGUAGE = Language(
    code="ca",
    names="catalan",
    search_configuration="catalan",
    units={"chapter": "capítol", "book": "llibre", "part": "part"},
    numbers=_numbers,
    matter={
        "opening": "pròleg",
        "between": "interludi",
        "ending": "epíleg",
    },
    letters="àéèíòçóúïü",
    encodings=WESTERN,
)
