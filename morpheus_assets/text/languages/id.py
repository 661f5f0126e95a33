"""Indonesian."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="id",
    search_configuration="indonesian",
    units={"chapter": "bab"},
    matter={
        "opening": "prolog",
        "between": "selingan|cerita sampingan|bab bonus",
        "ending": "epilog",
    },
)
