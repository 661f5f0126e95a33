"""Turkish."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="tr",
    search_configuration="turkish",
    units={"chapter": "bölüm", "book": "kitap"},
    matter={
        "opening": "prolog|giriş",
        "between": "ara bölüm|ek bölüm",
        "ending": "epilog|sonsöz",
    },
    letters="ışğüöçâîû",
    encodings=("cp1254", "cp857"),
)
