"""Norwegian."""

from morpheus_assets.text.languages import WESTERN, Language, compounds, counted, tens

_ORDINALS = (
    "første annet/annen/andre tredje fjerde femte sjette sjuende/syvende ottende niende tiende ellevte tolvte "
    "trettende fjortende femtende sekstende/sextende syttende attende nittende"
)
_TENS = "tjuende/tyvende trettiende/tredevte/tredivte førtiende/firtiende femtiende"


def _numbers() -> dict[str, int]:
    ordinals, ones = counted(_ORDINALS), counted("en to tre fire fem seks/sex sju/syv åtte/otte ni")
    joined = compounds("tjue tretti førti/firti femti", ordinals, "{ten}{one}")
    return ordinals | joined | compounds(_TENS, ones, "{one}og{ten}") | tens(_TENS)


LANGUAGE = Language(
    code="no",
    names="norwegian",
    search_configuration="norwegian",
    units={"chapter": "kapittel kap", "book": "bok", "part": "del", "volume": "bind"},
    numbers=_numbers,
    matter={
        "front": "forord|innledning|indledning",
        "opening": "prolog",
        "between": "mellomspill",
        "ending": "epilog|etterord",
        "back": "etterskrift|noter|anmerkninger",
        "contents": "innhold",
    },
    letters="åøæéòêô",
    encodings=WESTERN,
    accented="på så få må gå stå når også år være nær lære før først større gjør død brød øye øynene hørte å én",
)
