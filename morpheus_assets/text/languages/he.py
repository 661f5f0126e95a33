"""Hebrew."""

import re
from functools import lru_cache

from morpheus_assets.text.languages import Language, Numerals, counted

_ORDINALS = (
    "ראשון/ראשונה/הראשון/הראשונה שני/שנייה/שניה/השני/השנייה/השניה שלישי/שלישית/השלישי/השלישית "
    "רביעי/רביעית/הרביעי/הרביעית חמישי/חמישית/החמישי/החמישית שישי/שישית/ששי/ששית/השישי/השישית/הששי/הששית "
    "שביעי/שביעית/השביעי/השביעית שמיני/שמינית/השמיני/השמינית תשיעי/תשיעית/התשיעי/התשיעית "
    "עשירי/עשירית/העשירי/העשירית"
)
_CARDINALS = "אחד/אחת שניים/שתיים/שנים/שתים שלושה/שלוש ארבעה/ארבע חמישה/חמש שישה/שש שבעה/שבע שמונה תשעה/תשע עשרה/עשר"
_MARKS = re.compile("['\"׳״’”]")


@lru_cache(maxsize=1)
def _gematria() -> dict[str, int]:
    """Letters without marks → 1 to 499; 15 and 16 are written as nine and six, nine and seven."""
    hundreds, tens, units = ("", *"קרשת"), ("", *"יכלמנסעפצ"), ("", *"אבגדהוזחט")
    below = {n: tens[n // 10] + units[n % 10] for n in range(100)} | {15: "טו", 16: "טז"}
    return {hundreds[n // 100] + below[n % 100]: n for n in range(1, 500)}


def _value(token: str) -> int | None:
    return _gematria().get(_MARKS.sub("", token))


LANGUAGE = Language(
    code="he",
    units={
        "chapter": "פרק הפרק",
        "letter": "מכתב המכתב",
        "scene": "תמונה",
        "book": "ספר הספר",
        "part": "חלק החלק שער",
        "volume": "כרך",
        "act": "מערכה",
    },
    numbers=lambda: counted(_ORDINALS) | counted(_CARDINALS) | {"אחרון": -1, "האחרון": -1},
    # A stroke after one letter, or a double one before the last of several.
    numerals=Numerals("[א-ת]['׳’](?![א-ת])|[א-ת]{1,3}[\"״”][א-ת](?![א-ת])", _value, bare="[א-ת]{1,4}"),
    matter={
        "front": "הקדמה|פתח דבר|מבוא|הקדשה",
        "opening": "פרולוג",
        "between": "אינטרלוד|ביניים",
        "ending": "אפילוג|אחרית דבר",
        "back": "סוף דבר|נספח|נספחים|הערות",
        "boilerplate": "סוף",
        "contents": "תוכן|תוכן העניינים|תוכן הענינים",
        "closing": "הפרק האחרון|פרק אחרון",
    },
    letters="יוהלארבתשמנדעקחפםכטצגסזןךץף",
    encodings=("cp1255", "cp862"),
)
