"""Bulgarian."""

from morpheus_assets.text.languages import CYRILLIC, Language, counted

_ORDINALS = (
    "първа/първи втора/втори трета/трети четвърта/четвърти пета/пети шеста/шести седма/седми "
    "осма/осми девета/девети десета/десети"
)

LANGUAGE = Language(
    code="bg",
    units={"chapter": "глава", "book": "книга", "part": "част", "volume": "том"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "пролог",
        "between": "интерлюдия",
        "ending": "епилог|послеслов",
    },
    letters="аоеитнрсвлдкпмузябъгчшщйжцхфюь",
    encodings=(*CYRILLIC, "koi8_r"),
)
