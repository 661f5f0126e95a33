"""Icelandic."""  # noqa: N999

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = (
    "fyrsti/fyrsta annar/önnur þriðji/þriðja fjórði/fjórða fimmti/fimmta sjötti/sjötta "
    "sjöundi/sjöunda áttundi/áttunda níundi/níunda tíundi/tíunda ellefti/ellefta tólfti/tólfta þrettándi/þrettánda "
    "fjórtándi fimmtándi sextándi sautjándi átjándi nítjándi tuttugasti"
)

LANGUAGE = Language(
    code="is",
    units={"chapter": "kafli kapítuli", "part": "hluti", "book": "bók"},
    numbers=lambda: counted(_ORDINALS),
    letters="áíðéóþöæúý",
    encodings=WESTERN,
)
