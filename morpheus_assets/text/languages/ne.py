"""Nepali."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="ne", detected=False, search_configuration="nepali")
