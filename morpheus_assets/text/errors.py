"""Errors between a file's bytes and its chunks; each is one sentence for a person."""


class TextError(Exception):
    """Base of all errors raised on purpose here; `str(error)` is one sentence for a person."""


class UnreadableText(TextError):
    """The file cannot become a novel. The sentence names the file, what is wrong and what to do."""


class NoText(UnreadableText):
    """The file is whole and holds no text, as a page with a picture does."""


class TokenizerMissing(TextError):
    """The tokenizer that measures chunks is not installed."""
