"""Serbian."""

from morpheus_assets.text.languages import CYRILLIC, Language, counted

_ORDINALS = (
    "прва/први/прво друга/други/друго трећа/трећи/треће четврта/четврти/четврто пета/пети/пето "
    "шеста/шести/шесто седма/седми/седмо осма/осми/осмо девета/девети/девето десета/десети/десето"
)

LANGUAGE = Language(
    code="sr",
    search_configuration="serbian",
    units={"chapter": "глава поглавље", "book": "књига", "part": "део"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "пролог",
        "between": "међучин",
        "ending": "епилог",
    },
    letters="аоиенртсвкдуљмпјзгблчшћцжњхђфџ",
    encodings=CYRILLIC,
)
