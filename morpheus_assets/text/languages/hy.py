"""Armenian."""

from morpheus_assets.text.languages import Language, Numerals

_LETTERS = "ԱԲԳԴԵԶԷԸԹԺ"


def _value(token: str) -> int | None:
    place = _LETTERS.find(token.upper())
    return place + 1 if len(token) == 1 and place >= 0 else None


LANGUAGE = Language(
    code="hy",
    detected=False,
    search_configuration="armenian",
    units={"chapter": "գլուխ", "part": "մաս"},
    numbers=dict,
    numerals=Numerals("(?!)", _value, bare=f"[{_LETTERS}]"),
)
