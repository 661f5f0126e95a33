"""Ukrainian."""

from morpheus_assets.text.languages import CYRILLIC, Language

LANGUAGE = Language(
    code="uk",
    units={"chapter": "розділ", "book": "книга", "part": "частина", "volume": "том"},
    matter={
        "opening": "пролог",
        "between": "інтерлюдія",
        "ending": "епілог|післямова",
        "contents": "зміст",
    },
    letters="оанивітерслкудмпязьбгчйхжїшюєщцфґ",
    encodings=(*CYRILLIC, "koi8_u"),
)
