"""Hungarian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, counted

_ORDINALS = (
    "első második harmadik negyedik ötödik hatodik hetedik nyolcadik kilencedik tizedik tizenegyedik tizenkettedik"
)

LANGUAGE = Language(
    code="hu",
    names="hungarian",
    search_configuration="hungarian",
    units={"chapter": "fejezet", "book": "könyv", "part": "rész"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "prológus|előhang",
        "between": "közjáték",
        "ending": "epilógus|utószó",
        "contents": "tartalom",
    },
    letters="áéöóőüíúű",
    encodings=CENTRAL_EUROPEAN,
)
