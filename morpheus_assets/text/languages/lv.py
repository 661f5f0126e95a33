"""Latvian."""

from morpheus_assets.text.languages import BALTIC, Language, counted

_ORDINALS = (
    "pirmā/pirmais otrā/otrais trešā/trešais ceturtā/ceturtais piektā/piektais sestā/sestais "
    "septītā/septītais astotā/astotais devītā/devītais desmitā/desmitais vienpadsmitā divpadsmitā trīspadsmitā "
    "četrpadsmitā piecpadsmitā sešpadsmitā septiņpadsmitā astoņpadsmitā deviņpadsmitā divdesmitā"
)

LANGUAGE = Language(
    code="lv",
    units={"chapter": "nodaļa", "part": "daļa"},
    numbers=lambda: counted(_ORDINALS),
    letters="āīēšņūļžķģčō",
    encodings=BALTIC,
    matter={
        "opening": "prologs",
        "between": "starpspēle",
        "ending": "epilogs",
    },
)
