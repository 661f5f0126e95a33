"""Norwegian."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="no",
    names="norwegian",
    search_configuration="norwegian",
    units={"chapter": "kapittel kap", "book": "bok", "part": "del", "volume": "bind"},
    matter={
        "front": "forord",
        "opening": "prolog",
        "between": "mellomspill",
        "ending": "epilog|etterord",
        "contents": "innhold",
    },
)
