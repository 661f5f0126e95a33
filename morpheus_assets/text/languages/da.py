"""Danish."""

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = (
    "første/forste anden/andet/annet tredje/tredie fjerde femte sjette syvende/sjuende ottende "
    "niende tiende ellevte/ellefte tolvte trettende/trettonde fjortende femtende sekstende "
    "syttende attende nittende tyvende"
)

LANGUAGE = Language(
    code="da",
    names="danish",
    search_configuration="danish",
    units={"chapter": "kapitel", "book": "bog", "part": "del", "volume": "bind"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "front": "forord",
        "opening": "prolog",
        "between": "mellemspil",
        "ending": "epilog|efterord",
        "contents": "indhold",
    },
    letters="åøæéöäü",
    encodings=WESTERN,
    accented=(
        "på så få må gå stå når også år åben være nær lære mænd læse række ære æble kære sæt fædre børn først før "
        "større gør gøre kød brød ø øje øjne død hørte"
    ),
)
