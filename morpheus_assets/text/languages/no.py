"""Norwegian."""

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = "første annet/annen/andre tredje fjerde femte sjette sjuende/syvende ottende niende tiende ellevte tolvte"

LANGUAGE = Language(
    code="no",
    names="norwegian",
    search_configuration="norwegian",
    units={"chapter": "kapittel kap", "book": "bok", "part": "del", "volume": "bind"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "front": "forord",
        "opening": "prolog",
        "between": "mellomspill",
        "ending": "epilog|etterord",
        "contents": "innhold",
    },
    letters="åøæéòêô",
    encodings=WESTERN,
    accented="på så få må gå stå når også år være nær lære før først større gjør død brød øye øynene hørte å én",
)
