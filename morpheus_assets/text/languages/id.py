"""Indonesian."""

from morpheus_assets.text.languages import Language, compounds, counted

_CARDINALS = "satu dua tiga empat lima enam tujuh delapan sembilan sepuluh"


def _numbers() -> dict[str, int]:
    ones = counted(_CARDINALS)
    cardinals = ones | {"sebelas": 11} | {f"{word} belas": 10 + n for word, n in ones.items() if 1 < n < 10}
    cardinals |= {f"{word} puluh": 10 * n for word, n in ones.items() if 1 < n < 10}
    cardinals |= compounds("dua tiga empat lima enam tujuh delapan sembilan", ones, "{ten} puluh {one}")
    return cardinals | {f"ke{word}": n for word, n in cardinals.items() if n > 1} | {"pertama": 1, "terakhir": -1}


LANGUAGE = Language(
    code="id",
    search_configuration="indonesian",
    units={"chapter": "bab", "part": "bagian", "volume": "jilid"},
    numbers=_numbers,
    matter={
        "front": "kata pengantar|pendahuluan",
        "opening": "prolog",
        "between": "selingan|cerita sampingan|bab bonus",
        "ending": "epilog",
        "back": "catatan penulis|lampiran",
        "contents": "daftar isi",
    },
)
