"""The language of a text: told by its script or its small words where they decide, else by py3langid.

What is known of a language lies in languages/.
"""

import re
from functools import lru_cache
from typing import Any

from morpheus_assets.text.languages import languages

_words = str.split

# Three in ten words of English novels and more, and hardly any of another language's.
_ENGLISH = frozenset(
    _words(
        "the and of to that was with his her he she it for not but had have from which this they were been would could"
        " you my is are by there their them what when said him your an"
    )
)
_ENGLISH_SHARE, _THE_SHARE = 0.25, 0.02
_KANA, _HAN = re.compile("[ぁ-ヺ]"), re.compile("[㐀-鿿]")
_SAMPLES, _SAMPLE_CHARS = 12, 700
_CODE = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?$")


def language_of(text: str, declared: str | None = None) -> str:
    """ISO 639-1, or "und" for a text without letters. A declared language is believed if it is a known one."""
    if declared and (code := _declared_code(declared)):
        return code
    sample = _sample(text)
    letters = sum(map(str.isalpha, sample))
    if letters < 20:
        return "und"
    if len(_KANA.findall(sample)) > 0.1 * letters:
        return "ja"
    if len(_HAN.findall(sample)) > 0.5 * letters:
        return "zh"
    if _is_english(sample):
        # Without the model, which takes half a second to load: longer than all else that reading a novel needs.
        return "en"
    label, _ = _identifier().classify(sample)
    return str(label)


def _is_english(sample: str) -> bool:
    words = sample.lower().split()
    english = sum(word in _ENGLISH for word in words)
    return english > _ENGLISH_SHARE * len(words) and words.count("the") > _THE_SHARE * len(words)


def language_named(name: str) -> str | None:
    """ISO 639-1 for an English name or an ISO 639-2 code, whatever its case; None for names of no language here."""
    return _named().get(name.lower())


@lru_cache(maxsize=1)
def _named() -> dict[str, str]:
    return {name: language.code for language in languages() for name in language.names.split()}


def _declared_code(declared: str) -> str | None:
    found = _CODE.match(declared.strip())
    code = found.group(1).lower() if found else ""
    code = language_named(code) or code
    return code if code in _detected() else None


@lru_cache(maxsize=1)
def _detected() -> tuple[str, ...]:
    return tuple(language.code for language in languages() if language.detected)


def _sample(text: str) -> str:
    """Pieces from the whole body: the head of a book is often an English licence."""
    if len(text) <= _SAMPLES * _SAMPLE_CHARS:
        return text
    first, last = len(text) // 10, len(text) * 9 // 10
    step = (last - first) // _SAMPLES
    return " ".join(text[at : at + _SAMPLE_CHARS] for at in range(first, last, step))


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    known = set(identifier.nb_classes)
    identifier.set_languages([code for code in _detected() if code in known])
    return identifier
