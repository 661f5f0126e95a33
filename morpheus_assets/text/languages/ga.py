"""Irish."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="ga", detected=False, search_configuration="irish", units={"chapter": "caibidil"})
