"""Czech."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, compounds, counted, inflected, listed, tens

_ORDINALS = (
    "prvn/prv druh třet čtvrt pát šest sedm osm devát desát jedenáct dvanáct třináct čtrnáct patnáct šestnáct sedmnáct "
    "osmnáct devatenáct"
)
_TENS = "dvacát třicát čtyřicát padesát šedesát sedmdesát osmdesát devadesát"


def _numbers() -> dict[str, int]:
    ordinals = inflected(_ORDINALS, "í ý á é")
    forms = " ".join("/".join(stem + ending for ending in listed("ý á é")) for stem in listed(_TENS))
    ones = counted("jedna/jeden dva tři čtyři pět šest sedm osm devět")
    return ordinals | compounds(forms, ordinals) | compounds(forms, ones, "{one}a{ten}") | tens(forms)


LANGUAGE = Language(
    code="cs",
    names="czech",
    units={
        "chapter": "kapitola rozdíl hlava",
        "canto": "zpěv",
        "story": "povídka",
        "scene": "výstup výjev",
        "book": "kniha",
        "part": "díl část",
        "volume": "svazek",
        "act": "jednání dějství",
    },
    numbers=_numbers,
    matter={
        "front": "předmluva|úvod",
        "opening": "prolog",
        "between": "mezihra|intermezzo",
        "ending": "epilog|doslov",
        "back": "poznámky|vysvětlivky|dodatek",
        "contents": "obsah",
    },
    letters="íáéěřýčšžůúňťďóöüä",
    encodings=CENTRAL_EUROPEAN,
)
