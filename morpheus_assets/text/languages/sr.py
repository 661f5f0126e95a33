"""Serbian."""

from morpheus_assets.text.languages import CYRILLIC, Language

LANGUAGE = Language(
    code="sr",
    search_configuration="serbian",
    units={"chapter": "глава"},
    matter={
        "opening": "пролог",
        "between": "међучин",
        "ending": "епилог",
    },
    letters="аоиенртсвкдуљмпјзгблчшћцжњхђфџ",
    encodings=CYRILLIC,
)
