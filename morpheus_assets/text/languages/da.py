"""Danish."""

from morpheus_assets.text.languages import WESTERN, Language, compounds, counted, tens

_ORDINALS = (
    "første/forste anden/andet/annet tredje/tredie fjerde femte sjette syvende/sjuende ottende "
    "niende tiende ellevte/ellefte tolvte trettende/trettonde fjortende femtende sekstende "
    "syttende attende nittende"
)
_TENS = "tyvende tredivte/tredvte fyrretyvende/fyrgetyvende halvtredsindstyvende"


def _numbers() -> dict[str, int]:
    ones = counted("en/een/én to/tvende tre fire fem seks/sex syv otte ni")
    joined = compounds(_TENS, ones, "{one}og{ten}") | compounds(_TENS, ones, "{one} og {ten}")
    return counted(_ORDINALS) | joined | tens(_TENS)


LANGUAGE = Language(
    code="da",
    names="danish",
    search_configuration="danish",
    units={
        "chapter": "kapitel kapitlet capitel",
        "canto": "sang",
        "story": "fortælling",
        "section": "afsnit",
        "book": "bog",
        "part": "del",
        "volume": "bind",
    },
    numbers=_numbers,
    matter={
        "front": "forord|indledning|fortale",
        "opening": "prolog",
        "between": "mellemspil",
        "ending": "epilog|efterord",
        "back": "efterskrift|anmærkninger",
        "contents": "indhold|indholdsfortegnelse",
        "closing": "slutning|sidste kapitel",
    },
    letters="åøæéöäü",
    encodings=WESTERN,
    accented=(
        "på så få må gå stå når også år åben være nær lære mænd læse række ære æble kære sæt fædre børn først før "
        "større gør gøre kød brød ø øje øjne død hørte"
    ),
)
