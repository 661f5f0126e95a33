"""Bulgarian."""

from morpheus_assets.text.languages import CYRILLIC, Language

LANGUAGE = Language(
    code="bg",
    units={"chapter": "глава", "book": "книга", "volume": "том"},
    letters="аоеитнрсвлдкпмузябъгчшщйжцхфюь",
    encodings=(*CYRILLIC, "koi8_r"),
)
