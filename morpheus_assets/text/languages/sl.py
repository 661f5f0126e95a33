"""Slovene."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="sl",
    matter={
        "opening": "prolog",
        "between": "medigra",
        "ending": "epilog",
    },
)
