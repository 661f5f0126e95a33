"""Croatian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, compounds, inflected, listed, tens

_ORDINALS = (
    "prv drug treć četvrt pet šest sedm osm devet deset jedanaest dvanaest trinaest četrnaest petnaest šesnaest "
    "sedamnaest osamnaest devetnaest"
)
_TENS = "dvadeset trideset četrdeset pedeset šezdeset sedamdeset osamdeset devedeset"


def _numbers() -> dict[str, int]:
    ordinals = inflected(_ORDINALS, "i a o")
    forms = " ".join("/".join(stem + ending for ending in listed("i a o")) for stem in listed(_TENS))
    return ordinals | compounds(_TENS, ordinals) | tens(forms)


LANGUAGE = Language(
    code="hr",
    units={"chapter": "poglavlje glava", "book": "knjiga", "part": "dio"},
    numbers=_numbers,
    letters="čšžćđ",
    encodings=CENTRAL_EUROPEAN,
    matter={
        "front": "predgovor|uvod",
        "opening": "prolog",
        "between": "međuigra",
        "ending": "epilog|pogovor",
        "back": "bilješke|napomene|dodatak",
    },
)
