"""Estonian."""

from morpheus_assets.text.languages import BALTIC, Language, counted

_ORDINALS = (
    "esimene teine kolmas neljas viies kuues seitsmes kaheksas üheksas kümnes üheteistkümnes kaheteistkümnes "
    "kolmeteistkümnes neljateistkümnes viieteistkümnes kuueteistkümnes seitsmeteistkümnes kaheksateistkümnes "
    "üheksateistkümnes kahekümnes"
)

LANGUAGE = Language(
    code="et",
    search_configuration="estonian",
    units={"chapter": "peatükk", "book": "raamat", "part": "osa jagu", "act": "vaatus"},
    numbers=lambda: counted(_ORDINALS),
    letters="äõüöšž",
    encodings=BALTIC,
    matter={
        "opening": "proloog",
        "between": "vahemäng",
        "ending": "epiloog",
    },
)
