"""Tagalog."""

from morpheus_assets.text.languages import Language, counted

_CARDINALS = "isa dalawa tatlo apat lima anim pito walo siyam sampu"


def _numbers() -> dict[str, int]:
    cardinals = counted(_CARDINALS)
    return cardinals | {f"ika{word}": n for word, n in cardinals.items()} | {"una": 1, "ikalawa": 2, "ikatlo": 3}


LANGUAGE = Language(
    code="tl",
    names="tagalog filipino fil",
    units={"chapter": "kabanata kapitulo", "part": "bahagi", "book": "aklat"},
    numbers=_numbers,
    matter={
        "front": "paunang salita|pambungad",
        "opening": "prologo",
        "ending": "epilogo|wakas",
        "contents": "talaan ng nilalaman",
    },
)
