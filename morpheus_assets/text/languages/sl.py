"""Slovene."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, compounds, counted, inflected, listed, tens

_ORDINALS = (
    "prv drug tretj četrt pet šest sedm osm devet deset enajst dvanajst trinajst štirinajst petnajst šestnajst "
    "sedemnajst osemnajst devetnajst"
)
_TENS = "dvajset trideset štirideset petdeset šestdeset sedemdeset osemdeset devetdeset"


def _numbers() -> dict[str, int]:
    forms = " ".join("/".join(stem + ending for ending in listed("i a o")) for stem in listed(_TENS))
    ones = counted("en dva tri štiri pet šest sedem osem devet")
    return inflected(_ORDINALS, "i a o e") | compounds(forms, ones, "{one}in{ten}") | tens(forms)


LANGUAGE = Language(
    code="sl",
    units={"chapter": "poglavje", "part": "del"},
    numbers=_numbers,
    matter={
        "opening": "prolog",
        "between": "medigra",
        "ending": "epilog",
    },
    letters="čšžćđ",
    encodings=CENTRAL_EUROPEAN,
    accented=(
        "če več človek še že ženska življenje oči reči noč očeta tišina duša šel prišel rekla državi može mož lahko"
    ),
)
