"""Norwegian."""

from morpheus_assets.text.languages import WESTERN, Language

LANGUAGE = Language(
    code="no",
    names="norwegian",
    search_configuration="norwegian",
    units={"chapter": "kapittel kap", "book": "bok", "part": "del", "volume": "bind"},
    matter={"front": "forord|prolog", "back": "etterord|epilog", "contents": "innhold"},
    letters="åøæéòêô",
    encodings=WESTERN,
    accented="på så få må gå stå når også år være nær lære før først større gjør død brød øye øynene hørte å én",
)
