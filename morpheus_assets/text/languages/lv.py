"""Latvian."""

from morpheus_assets.text.languages import BALTIC, Language

LANGUAGE = Language(
    code="lv",
    units={"chapter": "nodaļa"},
    letters="āīēšņūļžķģčō",
    encodings=BALTIC,
    matter={
        "opening": "prologs",
        "between": "starpspēle",
        "ending": "epilogs",
    },
)
