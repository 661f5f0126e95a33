"""The languages of models that know few: what their vendors trained them on. A model that is not listed knows many."""

import re

from morpheus_assets.domain.spaces import Space

_ENGLISH = frozenset({"en"})
# Trained on English pairs alone: sbert.net/docs/sentence_transformer/pretrained_models.html, "Original Models".
_ENGLISH_MODELS = re.compile(
    r"(all-(minilm|mpnet|distilroberta)|multi-qa-(minilm|mpnet|distilbert)|paraphrase-(minilm|albert|mpnet)|msmarco-"
    r"|gtr-t5|sentence-t5)",
    re.IGNORECASE,
)
# The way in which families of one model a language name the English one: bge-small-en-v1.5, nomic-embed-text-v1-en.
_NAMED_ENGLISH = re.compile(r"(^|[-_/.])(en|english)([-_.]|$)", re.IGNORECASE)


def languages_of(space: Space) -> frozenset[str] | None:
    """ISO 639-1 codes of the languages that a text model knows well; None for a model of many languages."""
    name = space.model.rpartition("/")[2]
    if "multilingual" in name.lower():
        return None
    return _ENGLISH if _ENGLISH_MODELS.match(name) or _NAMED_ENGLISH.search(name) else None
