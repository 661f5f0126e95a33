"""Greek."""

from morpheus_assets.text.languages import Language, counted

_ORDINALS = (
    "πρώτο/πρώτη/πρώτον δεύτερο/δευτέρα/δεύτερον τρίτο/τρίτη/τρίτον τέταρτο/τέταρτη/τέταρτον "
    "πέμπτο/πέμπτη/πέμπτον έκτο/έκτη/έκτον έβδομο/έβδομη/έβδομον όγδοο/όγδοη/όγδοον "
    "ένατο/ένατη/ένατον δέκατο/δέκατη/δέκατον"
)

LANGUAGE = Language(
    code="el",
    names="greek",
    search_configuration="greek",
    units={"chapter": "κεφάλαιο κεφάλαιον", "canto": "ραψωδία", "book": "βιβλίο"},
    numbers=lambda: counted(_ORDINALS),
    matter={
        "opening": "πρόλογος",
        "between": "ιντερλούδιο|ιντερμέδιο",
        "ending": "επίλογος",
    },
    letters="αοιετσνηυρπκμλςωάίόέήδγχθφβύώξζψϊϋΐΰ",
    encodings=("cp1253", "iso8859_7", "mac_greek"),
)
