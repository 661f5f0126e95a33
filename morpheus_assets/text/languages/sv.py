"""Swedish."""

from morpheus_assets.text.languages import WESTERN, Language, counted

_ORDINALS = (
    "första andra tredje fjärde femte sjätte sjunde åttonde nionde tionde elfte/elvte "
    "tolfte/tolvte trettonde fjortonde femtonde sextonde sjuttonde adertonde/artonde nittonde "
    "tjugonde"
)

LANGUAGE = Language(
    code="sv",
    names="swedish",
    search_configuration="swedish",
    units={"chapter": "kapitel kap", "book": "bok", "part": "del"},
    numbers=lambda: counted(_ORDINALS),
    matter={"front": "förord|inledning|prolog", "back": "epilog", "contents": "innehåll"},
    letters="äåöéà",
    encodings=WESTERN,
)
