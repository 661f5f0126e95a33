"""Vietnamese."""

from morpheus_assets.text.languages import Language, counted

_CARDINALS = "một hai ba bốn năm sáu bảy tám chín mười"
_ORDINALS = "nhất nhì/hai ba tư/bốn năm sáu bảy tám chín mười"


def _numbers() -> dict[str, int]:
    ordinals = {f"thứ {word}": n for word, n in counted(_ORDINALS).items()}
    cardinals = counted(_CARDINALS)
    teens = {f"mười {word}": 10 + n for word, n in cardinals.items() if n < 10}
    return ordinals | cardinals | teens | {"cuối": -1}


LANGUAGE = Language(
    code="vi",
    units={"chapter": "chương"},
    numbers=_numbers,
    matter={
        "opening": "mở đầu|lời mở đầu|chương mở đầu",
        "between": "ngoại truyện|phiên ngoại|chương phụ",
        "ending": "vĩ thanh|ngoại truyện cuối|lời bạt|lời cuối",
    },
)
