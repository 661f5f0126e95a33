"""Lithuanian."""

from morpheus_assets.text.languages import BALTIC, Language, counted

_ORDINALS = (
    "pirmas/pirmasis antras/antrasis trečias/trečiasis ketvirtas/ketvirtasis penktas/penktasis "
    "šeštas/šeštasis septintas aštuntas devintas dešimtas"
)

LANGUAGE = Language(
    code="lt",
    search_configuration="lithuanian",
    units={"chapter": "skyrius"},
    numbers=lambda: counted(_ORDINALS),
    letters="ėšųžūąčįę",
    encodings=BALTIC,
    matter={
        "opening": "prologas",
        "between": "interliudija",
        "ending": "epilogas",
    },
)
