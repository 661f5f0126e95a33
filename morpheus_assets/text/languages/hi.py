"""Hindi."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="hi", search_configuration="hindi", units={"chapter": "अध्याय"})
