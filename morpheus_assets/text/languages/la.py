"""Latin."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = (
    "primus/prima/primum secundus/secunda/secundum tertius/tertia/tertium quartus/quarta/quartum "
    "quintus/quinta sextus/sexta septimus/septima octavus/octava nonus/nona decimus/decima "
    "undecimus/undecima duodecimus/duodecima"
)

LANGUAGE = Language(
    code="la",
    names="latin",
    units={
        "chapter": "caput capitulum",
        "letter": "epistola",
        "canto": "cantus",
        "book": "liber",
        "part": "pars",
        "volume": "tomus tomos",
    },
    never_units="anno",
    numbers=lambda: counted(_ORDINALS),
    matter={"front": "praeludium|principium"},
)
