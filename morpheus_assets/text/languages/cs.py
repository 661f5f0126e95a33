"""Czech."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, counted

_ORDINALS = (
    "první druhá/druhý třetí čtvrtá/čtvrtý pátá/pátý šestá/šestý sedmá/sedmý osmá/osmý devátá/devátý desátá/desátý"
)

LANGUAGE = Language(
    code="cs",
    names="czech",
    units={"chapter": "kapitola rozdíl", "book": "kniha", "part": "díl"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "prolog",
        "between": "mezihra|intermezzo",
        "ending": "epilog|doslov",
        "contents": "obsah",
    },
    letters="íáéěřýčšžůúňťďóöüä",
    encodings=CENTRAL_EUROPEAN,
)
