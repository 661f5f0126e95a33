"""Bulgarian."""

from morpheus_assets.text.languages import CYRILLIC, Language

LANGUAGE = Language(
    code="bg",
    units={"chapter": "глава", "book": "книга", "volume": "том"},
    matter={
        "opening": "пролог",
        "between": "интерлюдия",
        "ending": "епилог|послеслов",
    },
    letters="аоеитнрсвлдкпмузябъгчшщйжцхфюь",
    encodings=(*CYRILLIC, "koi8_r"),
)
