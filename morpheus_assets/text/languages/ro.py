"""Romanian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language

LANGUAGE = Language(
    code="ro",
    search_configuration="romanian",
    letters="ăîâșțşţ",
    encodings=CENTRAL_EUROPEAN,
    matter={
        "opening": "prolog",
        "between": "interludiu",
        "ending": "epilog|postfață",
    },
)
