"""Slovene."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="sl")
