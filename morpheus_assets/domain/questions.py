"""A question with a known answer, and a passage that one is made of."""

from dataclasses import dataclass

JUDGED = "judged"


@dataclass(frozen=True)
class Question:
    """A question and what answers it: a passage of one of the `chapters`, or the one that holds the `quotation`.

    `chapters` are the numbers that search shows; `kind` is "judged" or another word of its writer, or the way in which
    the question was made. `passage` is the hash of the passage that a made question was taken from.
    """

    question: str
    novel: str
    chapters: frozenset[int] = frozenset()
    quotation: str = ""
    kind: str = JUDGED
    passage: bytes | None = None


@dataclass(frozen=True)
class StoredPassage:
    """A passage of a novel, as questions are made of it."""

    novel: str
    content_hash: bytes
    body: str
