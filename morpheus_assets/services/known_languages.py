"""What a person hears of a novel in a language that a space's model hardly knows, and what to do about it."""

from collections.abc import Collection, Iterable

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.model_languages import languages_of
from morpheus_assets.text.languages import languages_by_code

REMEDY = (
    "name a model of many languages first in MORPHEUS_TEXT_SPACES, such as"
    " sentence-transformers/intfloat/multilingual-e5-small@384 or voyage/voyage-4"
)
_UNDETERMINED = "und"


def hardly_known(space: Space, languages: Iterable[str]) -> list[str]:
    """Those of some languages, ISO 639-1, that the space's model hardly knows, by code; none for a model of many."""
    known = languages_of(space)
    return [] if known is None else sorted(set(languages) - known - {_UNDETERMINED})


def language_note(space: Space, languages: Iterable[str]) -> str | None:
    """A sentence on the languages that the model hardly knows, with the remedy; None where it knows them all."""
    found = hardly_known(space, languages)
    if not found:
        return None
    names = " and ".join(language_name(code) for code in found)
    return (
        f"{space.model} hardly knows {names}: by meaning it finds little there, so the words count for more. To change"
        f" that, {REMEDY}."
    )


def known_configurations(space: Space) -> Collection[str] | None:
    """The text search configurations of the languages that the space's model knows; None for a model of many."""
    known = languages_of(space)
    if known is None:
        return None
    by_code = languages_by_code()
    return frozenset(by_code[code].search_configuration for code in known if code in by_code)


def language_name(code: str) -> str:
    """The English name of a language, the code itself where there is none."""
    found = languages_by_code().get(code)
    names = found.names.split() if found else []
    return names[0].capitalize() if names else code
