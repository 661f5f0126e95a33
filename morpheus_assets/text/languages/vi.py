"""Vietnamese."""

from morpheus_assets.text.languages import Language, compounds, counted

_CARDINALS = "một hai ba bốn năm sáu bảy tám chín mười"
_ORDINALS = "nhất nhì/hai ba tư/bốn năm sáu bảy tám chín mười"


def _numbers() -> dict[str, int]:
    ordinals = {f"thứ {word}": n for word, n in counted(_ORDINALS).items()}
    cardinals = counted(_CARDINALS)
    teens = {f"mười {word}": 10 + n for word, n in cardinals.items() if n < 10}
    table = ordinals | cardinals | teens
    table |= {f"{word} mươi": 10 * n for word, n in cardinals.items() if 1 < n < 10}
    ones = cardinals | {"mốt": 1, "tư": 4, "lăm": 5}
    table |= compounds("hai ba bốn năm sáu bảy tám chín", ones, "{ten} mươi {one}")
    return table | {f"thứ {word}": n for word, n in table.items() if n > 9} | {"cuối": -1}


LANGUAGE = Language(
    code="vi",
    units={"chapter": "chương hồi", "part": "phần", "volume": "quyển tập"},
    numbers=_numbers,
    matter={
        "front": "lời tựa|lời nói đầu|lời giới thiệu|giới thiệu|lời giới thiệu của tác giả",
        "opening": "mở đầu|lời mở đầu|chương mở đầu",
        "between": "ngoại truyện|phiên ngoại|chương phụ",
        "ending": "vĩ thanh|ngoại truyện cuối|lời bạt|lời cuối",
        "back": "phụ lục|chú thích",
        "contents": "mục lục",
    },
)
