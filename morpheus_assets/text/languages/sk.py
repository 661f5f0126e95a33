"""Slovak."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language

LANGUAGE = Language(
    code="sk",
    units={"chapter": "kapitola", "book": "kniha"},
    matter={"front": "prolog", "back": "epilog", "contents": "obsah"},
    letters="íáéčýšžúľťôóňďäŕĺ",
    encodings=CENTRAL_EUROPEAN,
)
