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
    accented=(
        "hän hänen mikä että mitä tämä tässä nämä sitä siitä kävi päivä päivää isä äiti äitinsä pää pöytä yö työ "
        "työtä näki näin vähän elämä elämää täällä siellä mennä tekemään"
    ),
)
