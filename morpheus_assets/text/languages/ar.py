"""Arabic."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = "الأول/الاول الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر"

LANGUAGE = Language(
    code="ar",
    search_configuration="arabic",
    units={"chapter": "الفصل"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "تمهيد",
        "between": "فاصل|فصل إضافي",
        "ending": "خاتمة|الخاتمة",
    },
    letters="اليمونرتبةعدسفهكقأحجشطصخىذضثغئءزظآإؤ",
    encodings=("cp1256", "iso8859_6"),
)
