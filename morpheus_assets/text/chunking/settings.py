"""Size of chunks, and the version of everything that decides where they end; cutting is chunks.py's."""

from dataclasses import dataclass, replace
from typing import Literal

TOKENIZER_NAME = "minilm-wordpiece"
# all-MiniLM-L6-v2 reads 256 tokens, two of which are its own marks; what is beyond is cut off silently.
DEFAULT_MAX_TOKENS = 254
RULES_VERSION = 2
"""Raised when the same settings would cut the same text elsewhere: every chunk is then embedded anew."""


# Languages written in scripts that the chunker's word pieces spell letter by letter (scripts.py), ISO 639-1.
_words = str.split
SPELLED = frozenset(_words("ar bg bn el fa he hi hy ja ka ko ne ru sr ta tg th uk ur yi zh"))

ByScript = Literal["off", "new", "all"]


@dataclass(frozen=True)
class ChunkerSettings:
    """Largest size of a chunk and overlap with its neighbours, in tokens; one setting for all spaces.

    A Russian passage of 254 word pieces has 40 words, for its letters are a piece each. `by_script` counts such words
    as a model of many languages does: of no novel ("off"), of those that were not cut before ("new"), or of all. Only
    for languages of other scripts, so that all others stay as they were cut.
    """

    max_tokens: int = DEFAULT_MAX_TOKENS
    overlap_tokens: int = 0
    by_script: ByScript = "off"

    def __post_init__(self) -> None:
        if self.max_tokens < 16:
            raise ValueError(f"A chunk of at most {self.max_tokens} tokens is too small: allow 16 or more.")
        if not 0 <= self.overlap_tokens <= self.max_tokens // 2:
            raise ValueError(
                f"An overlap of {self.overlap_tokens} tokens is too large for {self.max_tokens}: use half at most."
            )

    def of_novel(self, language: str, cut_by: str | None) -> "ChunkerSettings":
        """The settings for a novel in a language that was cut by the version `cut_by`, None when it was not cut."""
        plain = replace(self, by_script="off")
        if (
            self.by_script == "off"
            or language not in SPELLED
            or (self.by_script == "new" and cut_by == plain.version())
        ):
            return plain
        return replace(self, by_script="all")

    def versions(self, *, spelled: bool) -> list[str]:
        """The versions that need no cutting anew, of novels in `spelled` languages or in others."""
        plain, by_script = replace(self, by_script="off").version(), replace(self, by_script="all").version()
        if not spelled or self.by_script == "off":
            return [plain]
        return [by_script] if self.by_script == "all" else [by_script, plain]

    def version(self) -> str:
        """One line that names everything that decides where chunks end; when it changes, text is embedded anew."""
        from importlib.metadata import version as package_version

        return (
            f"semantic-text-splitter {package_version('semantic-text-splitter')}; {TOKENIZER_NAME}; "
            f"rules={RULES_VERSION}; max={self.max_tokens}; overlap={self.overlap_tokens}"
            + ("" if self.by_script == "off" else "; by script")
        )
