"""Norwegian Bokmål."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="nb", detected=False, search_configuration="norwegian")
