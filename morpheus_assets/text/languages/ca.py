"""Catalan."""

from morpheus_assets.text.languages import WESTERN, Language

LANGUAGE = Language(
    code="ca",
    names="catalan",
    search_configuration="catalan",
    units={"chapter": "capítol", "part": "part"},
    matter={
        "opening": "pròleg",
        "between": "interludi",
        "ending": "epíleg",
    },
    letters="àéèíòçóúïü",
    encodings=WESTERN,
)
