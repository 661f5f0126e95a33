"""Lithuanian."""

from morpheus_assets.text.languages import BALTIC, Language, counted

_ORDINALS = (
    "pirmas/pirmasis antras/antrasis trečias/trečiasis ketvirtas/ketvirtasis penktas/penktasis "
    "šeštas/šeštasis septintas aštuntas devintas dešimtas vienuoliktas dvyliktas tryliktas keturioliktas "
    "penkioliktas šešioliktas septynioliktas aštuonioliktas devynioliktas dvidešimtas"
)

LANGUAGE = Language(
    code="lt",
    search_configuration="lithuanian",
    units={"chapter": "skyrius", "book": "knyga", "part": "dalis"},
    numbers=lambda: counted(_ORDINALS),
    letters="ėšųžūąčįę",
    encodings=BALTIC,
    matter={
        "opening": "prologas",
        "between": "interliudija",
        "ending": "epilogas",
    },
)
