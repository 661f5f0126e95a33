"""Ukrainian."""

from morpheus_assets.text.languages import CYRILLIC, Language, compounds, inflected, listed, tens

_ORDINALS = (
    "перш друг трет четверт п'ят/п’ят шост сьом восьм дев'ят/дев’ят десят одинадцят дванадцят тринадцят чотирнадцят "
    "п'ятнадцят/п’ятнадцят шістнадцят сімнадцят вісімнадцят дев'ятнадцят/дев’ятнадцят"
)
_TENS = "двадцят тридцят сороков п'ятдесят/п’ятдесят шістдесят сімдесят вісімдесят дев'яност/дев’яност"
_CARDINAL_TENS = "двадцять тридцять сорок п'ятдесят/п’ятдесят шістдесят сімдесят вісімдесят дев'яносто/дев’яносто"


def _numbers() -> dict[str, int]:
    ordinals = inflected(_ORDINALS, "ий а е ій я є")
    forms = " ".join(
        "/".join(stem + ending for stem in stems.split("/") for ending in listed("ий а е")) for stems in listed(_TENS)
    )
    return ordinals | compounds(_CARDINAL_TENS, ordinals) | tens(forms)


LANGUAGE = Language(
    code="uk",
    units={
        "chapter": "розділ",
        "letter": "лист",
        "canto": "пісня",
        "story": "оповідання",
        "scene": "ява",
        "book": "книга",
        "part": "частина",
        "volume": "том",
        "act": "дія",
    },
    numbers=_numbers,
    matter={
        "front": "передмова|вступ|від автора",
        "opening": "пролог",
        "between": "інтерлюдія",
        "ending": "епілог|післямова",
        "back": "примітки|додаток",
        "contents": "зміст",
    },
    letters="оанивітерслкудмпязьбгчйхжїшюєщцфґ",
    encodings=(*CYRILLIC, "koi8_u"),
)
