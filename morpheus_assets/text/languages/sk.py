"""Slovak."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language

LANGUAGE = Language(
    code="sk",
    units={"chapter": "kapitola", "book": "kniha"},
    matter={
        "opening": "prolog|prológ",
        "between": "medzihra",
        "ending": "epilog|epilóg",
        "contents": "obsah",
    },
    letters="íáéčýšžúľťôóňďäŕĺ",
    encodings=CENTRAL_EUROPEAN,
)
