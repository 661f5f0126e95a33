"""Turkish."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="tr",
    search_configuration="turkish",
    units={"chapter": "bölüm", "book": "kitap"},
    letters="ışğüöçâîû",
    encodings=("cp1254", "cp857"),
)
