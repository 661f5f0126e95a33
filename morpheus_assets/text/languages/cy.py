"""Welsh."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="cy", detected=False, units={"chapter": "pennod"})
