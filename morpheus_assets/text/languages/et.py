"""Estonian."""

from morpheus_assets.text.languages import BALTIC, Language

LANGUAGE = Language(
    code="et",
    search_configuration="estonian",
    units={"chapter": "peatükk"},
    letters="äõüöšž",
    encodings=BALTIC,
    matter={
        "opening": "proloog",
        "between": "vahemäng",
        "ending": "epiloog",
    },
)
