"""Serbian."""

from morpheus_assets.text.languages import CYRILLIC, Language, compounds, inflected, listed, tens

_ORDINALS = (
    "прв друг трећ четврт пет шест седм осм девет десет једанаест дванаест тринаест четрнаест петнаест шеснаест "
    "седамнаест осамнаест деветнаест"
)
_TENS = "двадесет тридесет четрдесет педесет шездесет седамдесет осамдесет деведесет"


def _numbers() -> dict[str, int]:
    ordinals = inflected(_ORDINALS, "и а о е")
    forms = " ".join("/".join(stem + ending for ending in listed("и а о")) for stem in listed(_TENS))
    return ordinals | compounds(_TENS, ordinals) | tens(forms)


LANGUAGE = Language(
    code="sr",
    search_configuration="serbian",
    units={"chapter": "глава поглавље", "book": "књига", "part": "део"},
    numbers=_numbers,
    matter={
        "front": "предговор|увод",
        "opening": "пролог",
        "between": "међучин",
        "ending": "епилог|поговор",
        "back": "белешке|напомене|додатак",
    },
    letters="аоиенртсвкдуљмпјзгблчшћцжњхђфџ",
    encodings=CYRILLIC,
)
