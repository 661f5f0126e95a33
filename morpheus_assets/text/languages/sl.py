"""Slovene."""

from morpheus_assets.text.languages import Language, counted

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
)
