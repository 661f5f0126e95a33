"""Georgian."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = "პირველი მეორე მესამე მეოთხე მეხუთე მეექვსე მეშვიდე მერვე მეცხრე მეათე"

LANGUAGE = Language(
    code="ka",
    units={"chapter": "თავი", "part": "ნაწილი"},
    numbers=lambda: counted(_ORDINALS),
)
