"""What is done to an input before a text model sees it, and to its vector after: a part of what a space is.

It is written into `Space.preparation`, and so into the fingerprint: vectors under another prefix, or cut to another
length, do not compare.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Preparation:
    """`base` is the provider's own; the prefixes are put before each text as they stand.

    `shortened_from` is how many dimensions the model gives where its vectors are cut to the space's and made of length
    1 again (None: not cut). `context` is that of `Space.context`.
    """

    base: str
    document_prefix: str = ""
    query_prefix: str = ""
    shortened_from: int | None = None
    context: str = ""

    def __str__(self) -> str:
        """As it stands in a space; without prefixes and cutting that is the provider's own, as it always was."""
        own = {name: value for name, value in asdict(self).items() if name != "base" and value}
        return f"{self.base} {json.dumps(own, ensure_ascii=False, sort_keys=True)}" if own else self.base

    @property
    def is_own(self) -> bool:
        """True where anything is added to what the provider does."""
        return str(self) != self.base

    def prefix(self, input_type: str) -> str:
        """What is put before a "query" or a "document"."""
        return self.query_prefix if input_type == "query" else self.document_prefix


def read_preparation(text: str) -> Preparation:
    """The preparation of a stored text space."""
    base, brace, rest = text.partition(" {")
    if not brace:
        return Preparation(text)
    return Preparation(base, **json.loads("{" + rest))
