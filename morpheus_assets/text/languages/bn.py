"""Bengali."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = "প্রথম দ্বিতীয় তৃতীয় চতুর্থ পঞ্চম ষষ্ঠ সপ্তম অষ্টম নবম দশম"

LANGUAGE = Language(
    code="bn",
    units={"chapter": "অধ্যায় পরিচ্ছেদ", "part": "খণ্ড পর্ব"},
    numbers=lambda: counted(_ORDINALS),
)
