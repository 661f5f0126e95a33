"""Croatian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, counted

_ORDINALS = (
    "prvo/prva/prvi drugo/druga/drugi treća/treći četvrto/četvrta/četvrti peto/peta/peti "
    "šesto/šesta/šesti sedmo/sedma/sedmi osmo/osma/osmi deveto/deveta/deveti deseto/deseta/deseti"
)

LANGUAGE = Language(
    code="hr",
    units={"chapter": "poglavlje glava", "book": "knjiga", "part": "dio"},
    numbers=lambda: counted(_ORDINALS),
    letters="čšžćđ",
    encodings=CENTRAL_EUROPEAN,
    matter={
        "opening": "prolog",
        "between": "međuigra",
        "ending": "epilog",
    },
)
