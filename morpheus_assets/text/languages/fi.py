"""Finnish."""

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = (
    "ensimmäinen toinen kolmas neljäs viides kuudes seitsemäs kahdeksas yhdeksäs kymmenes yhdestoista kahdestoista"
)

LANGUAGE = Language(
    code="fi",
    names="finnish",
    search_configuration="finnish",
    units={"chapter": "luku", "book": "kirja", "part": "osa"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "prologi",
        "between": "välisoitto|välinäytös",
        "ending": "epilogi|jälkisanat",
        "contents": "sisällys|sisältö",
    },
    letters="äöåé",
    encodings=WESTERN,
)
