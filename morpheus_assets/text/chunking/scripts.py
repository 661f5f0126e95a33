"""Tokens as a model of many languages counts them: the chunker's word pieces know English, and spell other scripts.

Measured with XLM-RoBERTa's vocabulary (multilingual-e5, bge-m3) on prose: bench/README.md.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from morpheus_assets.text.chunking.tokens import TokenCounter

if TYPE_CHECKING:
    import numpy as np

# Word pieces to a token, against English: the least that was measured for a script, for its words also stand in other
# languages. (Chinese 1.3 to 1.8, Japanese 1.7, Hebrew 2.4, Hindi 2.2, Bengali 2.6, Russian 3.3, Ukrainian 2.5, Greek
# 3.3, Arabic 2.9, Korean 3.5, Thai 3.6, Tamil 4.9.)
_PIECES_TO_A_TOKEN = (
    (r"\u0370-\u03ff\u1f00-\u1fff", 3),
    (r"\u0400-\u052f", 2.4),
    (r"\u0530-\u058f\u10a0-\u10ff", 2.4),
    (r"\u0590-\u05ff", 2),
    (r"\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc", 2.4),
    (r"\u0900-\u09ff", 2),
    (r"\u0b80-\u0bff\u0e00-\u0e7f\uac00-\ud7a3", 3),
    (r"\u3040-\u30ff", 1.5),
    (r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff", 1.333),
)
_SPELLED = re.compile("|".join(f"([{letters}])" for letters, _ in _PIECES_TO_A_TOKEN))


class WindowCounter(TokenCounter):
    """Counts such tokens; a word counts by the script of its first letter of one."""

    # Twelfths of a token stay whole numbers.
    parts = 12

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, int] = {}

    def weights(self, units: Sequence[str]) -> "np.ndarray":
        """Twelfths of a token of each unit, int64 [n] in order."""
        import numpy as np

        known = self._known
        if len(known) > 400_000:
            known.clear()
        new = [unit for unit in dict.fromkeys(units) if unit not in known]
        for unit, pieces in zip(new, super().weights(new).tolist(), strict=True):
            found = None if unit.isascii() else _SPELLED.search(unit)
            ratio = _PIECES_TO_A_TOKEN[(found.lastindex or 1) - 1][1] if found else 1
            known[unit] = round(self.parts * pieces / ratio)
        return np.fromiter(map(known.__getitem__, units), np.int64, len(units))
