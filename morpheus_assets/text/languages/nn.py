"""Norwegian Nynorsk."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="nn", detected=False, search_configuration="norwegian")
