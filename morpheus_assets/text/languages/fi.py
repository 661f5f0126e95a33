"""Finnish."""

from morpheus_assets.text.languages import WESTERN, Language, compounds, counted, tens

_ORDINALS = "ensimmäinen toinen kolmas neljäs viides kuudes seitsemäs kahdeksas yhdeksäs kymmenes"
_JOINED = "yhdes kahdes kolmas neljäs viides kuudes seitsemäs kahdeksas yhdeksäs"
_TENS = (
    "kahdeskymmenes kolmaskymmenes neljäskymmenes viideskymmenes kuudeskymmenes seitsemäskymmenes kahdeksaskymmenes "
    "yhdeksäskymmenes"
)
_CARDINALS = "yksi kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän kymmenen"


def _numbers() -> dict[str, int]:
    """Older books count the tens begun: "yhdeskolmatta" is the first of the third ten, 21."""
    ordinals, joined = counted(_ORDINALS), counted(_JOINED)
    table = ordinals | counted(_CARDINALS) | {f"{word}toista": 10 + n for word, n in joined.items()} | tens(_TENS)
    ones = joined | ordinals
    table |= compounds(_TENS, ones) | compounds(_TENS, ones, "{ten}{one}")
    return table | compounds("kolmatta neljättä viidettä kuudetta seitsemättä", joined, "{one}{ten}")


LANGUAGE = Language(
    code="fi",
    names="finnish",
    search_configuration="finnish",
    units={
        "chapter": "luku",
        "canto": "runo laulu",
        "story": "tarina kertomus",
        "scene": "kohtaus",
        "book": "kirja",
        "part": "osa osasto",
        "act": "näytös",
    },
    numbers=_numbers,
    matter={
        "front": "alkusanat|esipuhe|johdanto|alkulause",
        "opening": "prologi",
        "between": "välisoitto|välinäytös",
        "ending": "epilogi|jälkisanat|loppusanat",
        "back": "selityksiä|selitykset|liite|muistutuksia",
        "contents": "sisällys|sisältö",
    },
    letters="äöåé",
    encodings=WESTERN,
    accented=(
        "hän hänen mikä että mitä tämä tässä nämä sitä siitä kävi päivä päivää isä äiti äitinsä pää pöytä yö työ "
        "työtä näki näin vähän elämä elämää täällä siellä mennä tekemään"
    ),
)
