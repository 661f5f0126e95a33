"""Slovak."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, counted

_ORDINALS = (
    "prvá/prvý druhá/druhý tretia/tretí štvrtá/štvrtý piata/piaty šiesta/šiesty siedma/siedmy "
    "ôsma/ôsmy deviata/deviaty desiata/desiaty"
)

LANGUAGE = Language(
    code="sk",
    units={"chapter": "kapitola", "book": "kniha"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "prolog|prológ",
        "between": "medzihra",
        "ending": "epilog|epilóg",
        "contents": "obsah",
    },
    letters="íáéčýšžúľťôóňďäŕĺ",
    encodings=CENTRAL_EUROPEAN,
)
