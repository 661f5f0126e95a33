"""The words of a passage that full text can find: the language's configuration, and bigrams where no spaces are.

Pure text work, the same when passages are written and when they are searched; no SQL runs here.
"""

import re

from morpheus_assets.text.languages import languages_by_code

# Kana, Han, Thai, Lao, Burmese and Khmer are written without spaces: a parser takes a whole sentence for one word.
_UNSPACED = re.compile(
    "[\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
    "\u0e01-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff]+"
)


def configuration_of(language: str) -> str:
    """The Postgres text search configuration for an ISO 639-1 code; `simple` where there is none."""
    found = languages_by_code().get(language.lower()[:2])
    return found.search_configuration if found else "simple"


def has_unspaced(body: str) -> bool:
    """True when some of the text is in a script without spaces between words."""
    return not body.isascii() and _UNSPACED.search(body) is not None


def with_bigrams(body: str) -> str:
    """The text with every run of an unspaced script replaced by its overlapping pairs of characters."""
    return _UNSPACED.sub(lambda run: f" {_pairs(run.group())} ", body)


def _pairs(run: str) -> str:
    return " ".join(run[i : i + 2] for i in range(len(run) - 1)) if len(run) > 1 else run
