"""Serbian."""

from morpheus_assets.text.languages import CYRILLIC, Language

LANGUAGE = Language(
    code="sr",
    search_configuration="serbian",
    units={"chapter": "глава"},
    letters="аоиенртсвкдуљмпјзгблчшћцжњхђфџ",
    encodings=CYRILLIC,
)
