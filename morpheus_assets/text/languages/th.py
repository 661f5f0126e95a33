"""Thai, which is written without spaces between words: a number may stand right after its unit."""

from morpheus_assets.text.languages import Language, listed

_DIGITS = listed("หนึ่ง สอง สาม สี่ ห้า หก เจ็ด แปด เก้า")


def _numbers() -> dict[str, int]:
    digits = {word: n for n, word in enumerate(_DIGITS, 1)}
    tens = {"สิบ": 10, "ยี่สิบ": 20} | {f"{word}สิบ": n * 10 for word, n in digits.items() if n > 2}
    # One after a ten has a word of its own.
    last = digits | {"เอ็ด": 1}
    return digits | tens | {ten + word: value + n for ten, value in tens.items() for word, n in last.items()}


LANGUAGE = Language(
    code="th",
    units={
        "chapter": "บทที่ บท",
        "letter": "จดหมายฉบับที่",
        "episode": "ตอนที่ ตอน",
        "scene": "ฉากที่ ฉาก",
        "part": "ภาคที่ ภาค",
        "volume": "เล่มที่ เล่ม",
        "act": "องก์ที่ องก์",
    },
    numbers=_numbers,
    matter={
        "front": "คำนำ|คำอุทิศ",
        "opening": "บทนำ|อารัมภบท",
        "between": "ตอนพิเศษ|บทคั่น",
        "ending": "บทส่งท้าย|ปัจฉิมบท",
        "back": "ภาคผนวก",
        "boilerplate": "จบ|จบบริบูรณ์",
        "contents": "สารบัญ",
        "closing": "บทสุดท้าย|ตอนจบ|บทสรุป",
    },
    letters="านรอกเงมยวลดทสตะปบคหแจพชขใไโผถซศณธฟฐษภญ่้ีัิ์็ุูืึำๆ",
    encodings=("cp874",),
)
