"""Estonian."""

from morpheus_assets.text.languages import BALTIC, Language, counted

_ORDINALS = "esimene teine kolmas neljas viies kuues seitsmes kaheksas üheksas kümnes"

LANGUAGE = Language(
    code="et",
    search_configuration="estonian",
    units={"chapter": "peatükk"},
    numbers=lambda: counted(_ORDINALS),
    letters="äõüöšž",
    encodings=BALTIC,
    matter={
        "opening": "proloog",
        "between": "vahemäng",
        "ending": "epiloog",
    },
)
