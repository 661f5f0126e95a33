"""Greek."""

from functools import lru_cache

from morpheus_assets.text.languages import Language, Numerals, compounds, counted, tens

_ORDINALS = (
    "πρώτο/πρώτη/πρώτον δεύτερο/δευτέρα/δεύτερον τρίτο/τρίτη/τρίτον τέταρτο/τέταρτη/τέταρτον "
    "πέμπτο/πέμπτη/πέμπτον έκτο/έκτη/έκτον έβδομο/έβδομη/έβδομον όγδοο/όγδοη/όγδοον "
    "ένατο/ένατη/ένατον δέκατο/δέκατη/δέκατον ενδέκατο/ενδέκατη/ενδέκατον δωδέκατο/δωδέκατη/δωδέκατον"
)

_CARDINALS = "ένα/έν δύο τρία τέσσερα πέντε έξι επτά/εφτά οκτώ/οχτώ εννέα/εννιά δέκα"
_MARKS = "'΄´ʹ’′"


def _numbers() -> dict[str, int]:
    ordinals = counted(_ORDINALS)
    teens = {f"{ten} {word}": 10 + n for word, n in ordinals.items() for ten in ("δέκατο", "δέκατη") if n < 10}
    twenties = compounds("εικοστό/εικοστή/εικοστόν τριακοστό/τριακοστή τεσσαρακοστό/τεσσαρακοστή", ordinals)
    tens_alone = tens("εικοστό/εικοστή/εικοστόν τριακοστό/τριακοστή τεσσαρακοστό/τεσσαρακοστή")
    return ordinals | counted(_CARDINALS) | teens | twenties | tens_alone


@lru_cache(maxsize=1)
def _letter_values() -> dict[str, int]:
    """Letters without marks → 1 to 99; six is written as a stigma or as two letters."""
    tens, units = ("", *"ΙΚΛΜΝΞΟΠϞ"), ("", *"ΑΒΓΔΕϚΖΗΘ")
    values = {tens[n // 10] + units[n % 10]: n for n in range(1, 100)}
    return values | {letters.replace("Ϛ", "ΣΤ"): n for letters, n in values.items()}


def _value(token: str) -> int | None:
    return _letter_values().get(token.rstrip(_MARKS).upper())


LANGUAGE = Language(
    code="el",
    names="greek",
    search_configuration="greek",
    units={
        "chapter": "κεφάλαιο κεφάλαιον κεφ",
        "letter": "επιστολή",
        "canto": "ραψωδία",
        "scene": "σκηνή",
        "act": "πράξη πράξις",
        "book": "βιβλίο βιβλίον",
        "part": "μέρος",
        "volume": "τόμος",
    },
    numbers=_numbers,
    numerals=Numerals(f"[Α-ΩϚϞ]{{1,3}}[{_MARKS}](?!\\w)", _value, bare="[Α-ΩϚϞ]{1,3}"),
    matter={
        "front": "εισαγωγή",
        "opening": "πρόλογος",
        "between": "ιντερλούδιο|ιντερμέδιο",
        "ending": "επίλογος",
        "back": "σημειώσεις|παράρτημα",
        "contents": "περιεχόμενα",
    },
    letters="αοιετσνηυρπκμλςωάίόέήδγχθφβύώξζψϊϋΐΰ",
    encodings=("cp1253", "iso8859_7", "mac_greek"),
)
