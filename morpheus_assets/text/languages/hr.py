"""Croatian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language

LANGUAGE = Language(
    code="hr",
    units={"chapter": "poglavlje"},
    letters="čšžćđ",
    encodings=CENTRAL_EUROPEAN,
    matter={
        "opening": "prolog",
        "between": "međuigra",
        "ending": "epilog",
    },
)
