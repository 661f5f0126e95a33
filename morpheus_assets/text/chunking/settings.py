"""Size of chunks, and the version of everything that decides where they end; cutting is chunks.py's."""

from dataclasses import dataclass

TOKENIZER_NAME = "minilm-wordpiece"
# all-MiniLM-L6-v2 reads 256 tokens, two of which are its own marks; what is beyond is cut off silently.
DEFAULT_MAX_TOKENS = 254
RULES_VERSION = 1
"""Raised when the same settings would cut the same text elsewhere: every chunk is then embedded anew."""


@dataclass(frozen=True)
class ChunkerSettings:
    """Largest size of a chunk and overlap with its neighbours, in tokens; one setting for all spaces."""

    max_tokens: int = DEFAULT_MAX_TOKENS
    overlap_tokens: int = 0

    def __post_init__(self) -> None:
        if self.max_tokens < 16:
            raise ValueError(f"A chunk of at most {self.max_tokens} tokens is too small: allow 16 or more.")
        if not 0 <= self.overlap_tokens <= self.max_tokens // 2:
            raise ValueError(
                f"An overlap of {self.overlap_tokens} tokens is too large for {self.max_tokens}: use half at most."
            )

    def version(self) -> str:
        """One line that names everything that decides where chunks end; when it changes, text is embedded anew."""
        from importlib.metadata import version as package_version

        return (
            f"semantic-text-splitter {package_version('semantic-text-splitter')}; {TOKENIZER_NAME}; "
            f"rules={RULES_VERSION}; max={self.max_tokens}; overlap={self.overlap_tokens}"
        )
