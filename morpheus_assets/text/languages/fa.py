"""Persian."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = "اول/یکم دوم سوم چهارم پنجم ششم هفتم هشتم نهم دهم یازدهم دوازدهم"

LANGUAGE = Language(
    code="fa",
    units={"chapter": "فصل", "part": "بخش", "volume": "جلد"},
    numbers=lambda: counted(_ORDINALS),
    letters="اینرهدمتبوشسگکلخزفقجچعحپآطصءضظغث",
    encodings=("cp1256",),
)
