"""Hebrew."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(code="he", letters="יוהלארבתשמנדעקחפםכטצגסזןךץף", encodings=("cp1255", "cp862"))
