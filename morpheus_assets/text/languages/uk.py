"""Ukrainian."""

from morpheus_assets.text.languages import CYRILLIC, Language, counted

_ORDINALS = (
    "перший/перша/перше другий/друга/друге третій/третя/третє четвертий/четверта/четверте "
    "п'ятий/п'ята/п’ятий/п’ята шостий/шоста/шосте сьомий/сьома/сьоме восьмий/восьма/восьме "
    "дев'ятий/дев'ята/дев’ятий/дев’ята десятий/десята/десяте"
)

LANGUAGE = Language(
    code="uk",
    units={"chapter": "розділ", "book": "книга", "part": "частина", "volume": "том"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "пролог",
        "between": "інтерлюдія",
        "ending": "епілог|післямова",
        "contents": "зміст",
    },
    letters="оанивітерслкудмпязьбгчйхжїшюєщцфґ",
    encodings=(*CYRILLIC, "koi8_u"),
)
