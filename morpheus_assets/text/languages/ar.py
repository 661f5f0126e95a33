"""Arabic."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = "الأول/الاول الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر"

_UNITS = "الحادي الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع"


def _numbers() -> dict[str, int]:
    teens = {f"{word} عشر": 10 + n for n, word in enumerate(_UNITS.split(), 1)}
    twenties = {f"{word} والعشرون": 20 + n for n, word in enumerate(_UNITS.split(), 1)}
    return counted(_ORDINALS) | teens | twenties | {"العشرون": 20, "الأخير": -1}


LANGUAGE = Language(
    code="ar",
    search_configuration="arabic",
    units={"chapter": "الفصل", "part": "الباب القسم", "volume": "الجزء"},
    numbers=_numbers,
    matter={
        "opening": "تمهيد",
        "between": "فاصل|فصل إضافي",
        "ending": "خاتمة|الخاتمة",
    },
    letters="اليمونرتبةعدسفهكقأحجشطصخىذضثغئءزظآإؤ",
    encodings=("cp1256", "iso8859_6"),
)
