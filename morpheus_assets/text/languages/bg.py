"""Bulgarian."""

from morpheus_assets.text.languages import CYRILLIC, Language, compounds, inflected, listed, tens

_ORDINALS = (
    "първ втор трет четвърт пет шест седм осм девет десет единадесет/единайсет дванадесет/дванайсет "
    "тринадесет/тринайсет четиринадесет/четиринайсет петнадесет/петнайсет шестнадесет/шестнайсет "
    "седемнадесет/седемнайсет осемнадесет/осемнайсет деветнадесет/деветнайсет"
)
_TENS = "двадесет/двайсет тридесет/трийсет четиридесет/четирийсет петдесет шестдесет седемдесет осемдесет деветдесет"


def _numbers() -> dict[str, int]:
    ordinals = inflected(_ORDINALS, "и а о")
    forms = " ".join(
        "/".join(stem + ending for stem in stems.split("/") for ending in listed("и а о")) for stems in listed(_TENS)
    )
    return ordinals | compounds(_TENS, ordinals, "{ten} и {one}") | tens(forms)


LANGUAGE = Language(
    code="bg",
    units={"chapter": "глава", "book": "книга", "part": "част", "volume": "том"},
    numbers=_numbers,
    matter={
        "front": "предговор|увод",
        "opening": "пролог",
        "between": "интерлюдия",
        "ending": "епилог|послеслов",
        "back": "бележки|приложение",
    },
    letters="аоеитнрсвлдкпмузябъгчшщйжцхфюь",
    encodings=(*CYRILLIC, "koi8_r"),
)
