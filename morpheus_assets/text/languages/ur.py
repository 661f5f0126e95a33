"""Urdu."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="ur",
    detected=False,
    units={"chapter": "باب"},
)
