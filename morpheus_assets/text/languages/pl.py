"""Polish."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, compounds, inflected, listed, tens

_ORDINALS = (
    "pierwsz drug trzec czwart piąt szóst siódm ósm dziewiąt dziesiąt jedenast dwunast trzynast czternast piętnast "
    "szesnast siedemnast osiemnast dziewiętnast"
)
_TENS = "dwudziest trzydziest czterdziest pięćdziesiąt sześćdziesiąt siedemdziesiąt osiemdziesiąt dziewięćdziesiąt"


def _numbers() -> dict[str, int]:
    ordinals = inflected(_ORDINALS, "y a e i ia ie")
    adjectives = [stem + ending for stem in listed(_TENS) for ending in listed("y a e")]
    forms = " ".join("/".join(adjectives[n : n + 3]) for n in range(0, len(adjectives), 3))
    return ordinals | compounds(forms, ordinals) | tens(forms)


LANGUAGE = Language(
    code="pl",
    names="polish",
    units={
        "chapter": "rozdział rozdzial",
        "canto": "pieśń",
        "story": "opowiadanie",
        "scene": "odsłona",
        "book": "księga",
        "part": "część",
        "volume": "tom",
    },
    numbers=_numbers,
    matter={
        "front": "przedmowa|wstęp|przedsłowie|od autora|od tłumacza",
        "opening": "prolog",
        "between": "interludium|intermezzo",
        "ending": "epilog|posłowie",
        "back": "objaśnienia|przypisy|omyłki|dodatek|uwagi",
        "contents": "spis treści",
    },
    letters="łąężóśćńźé",
    encodings=CENTRAL_EUROPEAN,
)
