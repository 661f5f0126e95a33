"""Yiddish."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="yi",
    detected=False,
    search_configuration="yiddish",
    units={"chapter": "קאַפּיטל", "part": "טייל"},
)
