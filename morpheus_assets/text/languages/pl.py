"""Polish."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, counted

_ORDINALS = (
    "pierwszy/pierwsza drugi/druga trzeci/trzecia czwarty/czwarta piąty/piąta szósty/szósta "
    "siódmy/siódma ósmy/ósma dziewiąty/dziewiąta dziesiąty/dziesiąta jedenasty/jedenasta "
    "dwunasty/dwunasta"
)

LANGUAGE = Language(
    code="pl",
    names="polish",
    units={"chapter": "rozdział rozdzial", "book": "księga", "part": "część", "volume": "tom"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "front": "przedmowa|wstęp",
        "opening": "prolog",
        "between": "interludium|intermezzo",
        "ending": "epilog|posłowie",
        "contents": "spis treści",
    },
    letters="łąężóśćńźé",
    encodings=CENTRAL_EUROPEAN,
)
