"""Vietnamese."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="vi",
    units={"chapter": "chương"},
    matter={
        "opening": "mở đầu|lời mở đầu|chương mở đầu",
        "between": "ngoại truyện|phiên ngoại|chương phụ",
        "ending": "vĩ thanh|ngoại truyện cuối|lời bạt|lời cuối",
    },
)
