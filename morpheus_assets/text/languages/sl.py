"""Slovene."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, counted

_ORDINALS = (
    "prvo/prva/prvi drugo/druga/drugi tretje/tretja/tretji četrto/četrta/četrti peto/peta/peti "
    "šesto/šesta/šesti sedmo/sedma/sedmi osmo/osma/osmi deveto/deveta/deveti deseto/deseta/deseti"
)

LANGUAGE = Language(
    code="sl",
    units={"chapter": "poglavje"},
    numbers=lambda: counted(_ORDINALS),
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
