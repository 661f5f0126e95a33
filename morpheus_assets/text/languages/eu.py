"""Basque."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="eu", detected=False, search_configuration="basque")
