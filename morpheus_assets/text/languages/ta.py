"""Tamil."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="ta",
    detected=False,
    search_configuration="tamil",
    units={"chapter": "அத்தியாயம்", "part": "பாகம்"},
)
