"""Slovak."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, compounds, inflected, listed, tens

_ORDINALS = (
    "prv druh tret štvrt piat šiest siedm ôsm deviat desiat jedenást dvanást trinást štrnást pätnást šestnást "
    "sedemnást osemnást devätnást"
)
_TENS = "dvadsiat tridsiat štyridsiat päťdesiat šesťdesiat sedemdesiat osemdesiat deväťdesiat"


def _numbers() -> dict[str, int]:
    ordinals = inflected(_ORDINALS, "ý á é í ia ie")
    forms = " ".join("/".join(stem + ending for ending in listed("y a e")) for stem in listed(_TENS))
    return ordinals | compounds(forms, ordinals) | tens(forms)


LANGUAGE = Language(
    code="sk",
    units={"chapter": "kapitola", "book": "kniha", "part": "diel časť", "act": "dejstvo"},
    numbers=_numbers,
    matter={
        "opening": "prolog|prológ",
        "between": "medzihra",
        "ending": "epilog|epilóg",
        "contents": "obsah",
    },
    letters="íáéčýšžúľťôóňďäŕĺ",
    encodings=CENTRAL_EUROPEAN,
    accented=(
        "každý každá že už môže môžu žiť život muž ženy možno ešte čo človek čas oči večer reč noc práca právo má "
        "mať sú byť boť nič ľudia ľudí ľahko poľa voľba chvíľa oheň deň dlaň päť mäso kôň stôl dôvod štyri škola "
        "šiel prišiel ktorý ktoré svojím dieťa sťa robiť voliť vidieť počuť ťažko ďaleko ďalší"
    ),
)
