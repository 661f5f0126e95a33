"""Tajik."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="tg", detected=False, units={"chapter": "фасл"})
