"""Slovak."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, Language, counted

_ORDINALS = (
    "prvá/prvý druhá/druhý tretia/tretí štvrtá/štvrtý piata/piaty šiesta/šiesty siedma/siedmy "
    "ôsma/ôsmy deviata/deviaty desiata/desiaty"
)

LANGUAGE = Language(
    code="sk",
    units={"chapter": "kapitola", "book": "kniha"},
    numbers=lambda: counted(_ORDINALS),
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
