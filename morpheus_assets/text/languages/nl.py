"""Dutch."""

from morpheus_assets.text.languages import WESTERN, Language, compounds, counted, tens

_ORDINALS = (
    "eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde "
    "dertiende veertiende vijftiende zestiende zeventiende achttiende negentiende twintigste"
)

_CARDINALS = (
    "een/één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien "
    "achttien negentien"
)
_TENS = "twintig dertig veertig vijftig zestig zeventig tachtig negentig"


def _numbers() -> dict[str, int]:
    cardinals = counted(_CARDINALS)
    ordinals = " ".join(f"{word}ste" for word in _TENS.split())
    table = counted(_ORDINALS) | cardinals | tens(ordinals) | tens(_TENS)
    for pattern in ("{one}en{ten}", "{one} en {ten}"):
        table |= compounds(ordinals, cardinals, pattern) | compounds(_TENS, cardinals, pattern)
    return table


LANGUAGE = Language(
    code="nl",
    names="dutch dut nld",
    search_configuration="dutch",
    units={
        "chapter": "hoofdstuk kapittel",
        "letter": "brief",
        "canto": "zang",
        "story": "verhaal vertelling",
        "scene": "tooneel toneel",
        "book": "boek",
        "part": "deel afdeeling",
        "act": "handeling bedrijf",
    },
    numbers=_numbers,
    matter={
        "front": "voorwoord|inleiding|voorrede|voorbericht|opdracht",
        "opening": "proloog",
        "between": "intermezzo|interludium",
        "ending": "epiloog|naschrift|nawoord",
        "back": "aanteekeningen|aantekeningen|noten|bijlage|bijlagen",
        "contents": "inhoud|inhoudsopgave",
        "closing": "slot|besluit|laatste hoofdstuk",
    },
    letters="éëïèêöóüá",
    encodings=WESTERN,
    accented=(
        "één vóór café geïnteresseerd ideeën zeeën België Italië reünie coördinatie tweeën drieën hè sociëteit "
        "financiële patiënt poëzie"
    ),
)
