"""Indonesian."""

from morpheus_assets.text.languages import Language, counted

_CARDINALS = "satu dua tiga empat lima enam tujuh delapan sembilan sepuluh"


def _numbers() -> dict[str, int]:
    cardinals = counted(_CARDINALS)
    return cardinals | {f"ke{word}": n for word, n in cardinals.items() if n > 1} | {"pertama": 1, "terakhir": -1}


LANGUAGE = Language(
    code="id",
    search_configuration="indonesian",
    units={"chapter": "bab", "part": "bagian"},
    numbers=_numbers,
    matter={
        "opening": "prolog",
        "between": "selingan|cerita sampingan|bab bonus",
        "ending": "epilog",
    },
)
