"""Hungarian."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, compounds, counted, tens

_ORDINALS = "első második harmadik negyedik ötödik hatodik hetedik nyolcadik/nyolczadik kilencedik/kilenczedik tizedik"
_JOINED = "egyedik kettedik harmadik negyedik ötödik hatodik hetedik nyolcadik/nyolczadik kilencedik/kilenczedik"
_TENS = "huszadik harmincadik/harminczadik negyvenedik ötvenedik hatvanadik hetvenedik nyolcvanadik kilencvenedik"
_COMPOUND_TENS = "huszon harminc/harmincz negyven ötven hatvan hetven nyolcvan kilencven"


def _numbers() -> dict[str, int]:
    ones = counted(_JOINED)
    teens = {f"tizen{word}": 10 + n for word, n in ones.items()}
    return counted(_ORDINALS) | teens | compounds(_COMPOUND_TENS, ones, "{ten}{one}") | tens(_TENS)


LANGUAGE = Language(
    code="hu",
    names="hungarian",
    search_configuration="hungarian",
    units={
        "chapter": "fejezet",
        "letter": "levél",
        "canto": "ének",
        "scene": "jelenet szín",
        "book": "könyv",
        "part": "rész",
        "volume": "kötet",
        "act": "felvonás",
    },
    numbers=_numbers,
    matter={
        "front": "előszó|bevezetés|ajánlás",
        "opening": "prológus|előhang",
        "between": "közjáték",
        "ending": "epilógus|utószó|utóhang",
        "back": "jegyzetek|függelék",
        "contents": "tartalom",
    },
    letters="áéöóőüíúű",
    encodings=CENTRAL_EUROPEAN,
)
