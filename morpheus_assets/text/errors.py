"""What can go wrong between a file's bytes and its chunks. One clear sentence each, ready to be shown."""


class TextError(Exception):
    """Base of everything the text floor raises on purpose; `str(error)` is one sentence for a person."""


class UnreadableText(TextError):
    """The file cannot become a novel. The sentence names the file, what is wrong and what to do."""


class TokenizerMissing(TextError):
    """The tokenizer that measures chunks is not installed."""
