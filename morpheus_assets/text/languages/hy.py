"""Armenian."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="hy", detected=False, search_configuration="armenian")
