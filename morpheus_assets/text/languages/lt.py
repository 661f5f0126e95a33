"""Lithuanian."""

from morpheus_assets.text.languages import BALTIC, Language

LANGUAGE = Language(
    code="lt",
    search_configuration="lithuanian",
    units={"chapter": "skyrius"},
    letters="ėšųžūąčįę",
    encodings=BALTIC,
    matter={
        "opening": "prologas",
        "between": "interliudija",
        "ending": "epilogas",
    },
)
