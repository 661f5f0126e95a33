"""Icelandic."""  # noqa: N999

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = (
    "fyrsti/fyrsta annar/önnur þriðji/þriðja fjórði/fjórða fimmti/fimmta sjötti/sjötta "
    "sjöundi/sjöunda áttundi/áttunda níundi/níunda tíundi/tíunda"
)

LANGUAGE = Language(
    code="is",
    units={"chapter": "kafli"},
    numbers=lambda: counted(_ORDINALS),
    letters="áíðéóþöæúý",
    encodings=WESTERN,
)
