"""Dutch."""

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = (
    "eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde "
    "dertiende veertiende vijftiende zestiende zeventiende achttiende negentiende twintigste"
)

_CARDINALS = "een/één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien"

LANGUAGE = Language(
    code="nl",
    names="dutch dut nld",
    search_configuration="dutch",
    units={"chapter": "hoofdstuk", "letter": "brief", "book": "boek", "part": "deel", "act": "handeling"},
    numbers=lambda: counted(_ORDINALS) | counted(_CARDINALS),
    matter={
        "front": "voorwoord|inleiding",
        "opening": "proloog",
        "between": "intermezzo|interludium",
        "ending": "epiloog|naschrift|nawoord",
        "contents": "inhoud|inhoudsopgave",
    },
    letters="éëïèêöóüá",
    encodings=WESTERN,
    accented=(
        "één vóór café geïnteresseerd ideeën zeeën België Italië reünie coördinatie tweeën drieën hè sociëteit "
        "financiële patiënt poëzie"
    ),
)
