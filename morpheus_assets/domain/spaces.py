"""An embedding space as a value, its name as a person writes it, and its row as it is stored.

What the settings may name, and which model a name stands for, is embedding/spaces.py's.
"""

import hashlib
import json
import re
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Literal

Purpose = Literal["text", "image"]
Precision = Literal["fp32", "bf16"]
# The share of the true neighbours that its index finds.
LOWEST_RECALL = 0.97
# The most components that an index over halfvec takes.
MOST_DIMENSIONS = 4000
# The context of passages that have their titles before them.
TITLES = "titles"
# Between a stored vector and the one that its model gives for the same input today.
LOWEST_COSINE = 0.999


@dataclass(frozen=True)
class Space:
    """An embedding space: vectors of one Space may be compared with each other, and with no others.

    `key` is a readable slug, unique among configured spaces; `dimensions` counts components;
    `max_input_tokens` is the model's own limit (None: not known, or images).
    """

    key: str
    purpose: str
    provider: str
    model: str
    revision: str
    dimensions: int
    preparation: str
    max_input_tokens: int | None

    @property
    def shaping(self) -> int:
        """What of a page its vectors are of: 1, whole files; 2, regions, each letterboxed. 1 for texts, too."""
        try:
            # Behind it may stand what a table of the settings adds.
            return int(json.JSONDecoder().raw_decode(self.preparation)[0].get("regions", 1))
        except (ValueError, AttributeError):
            return 1

    @property
    def context(self) -> str:
        """What else of the novel goes into a passage's vector: "" (nothing), "titles", or "chapter" and word pieces.

        With "titles" the novel's and the chapter's stand before each passage. With "chapter 20000" the passages of a
        chapter are embedded together, as many as have that many word pieces.
        """
        _, brace, rest = self.preparation.partition(" {")
        if self.purpose != "text" or not brace:
            return ""
        return str(json.loads("{" + rest).get("context", ""))

    @property
    def inputs(self) -> str:
        """What is embedded in it: "text" (passages), "titled" (with titles), "window" (together), or "image"."""
        if self.context:
            return "titled" if self.context == TITLES else "window"
        return self.purpose

    # Asked for some ten times in a search.
    @cached_property
    def fingerprint(self) -> str:
        """Hex sha256 over everything that makes vectors comparable (the key is a name and not part of it)."""
        parts = [self.purpose, self.provider, self.model, self.revision, self.dimensions, self.preparation]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class SpaceName:
    """A space as a person wrote it: `provider/model[@dimensions][#revision]`, `provider/model[@tag]` for images."""

    provider: str
    model: str
    dimensions: int | None = None
    tag: str | None = None
    revision: str | None = None

    def __str__(self) -> str:
        suffix = self.dimensions if self.dimensions is not None else self.tag
        written = f"{self.provider}/{self.model}" + (f"@{suffix}" if suffix is not None else "")
        return f"{written}#{self.revision}" if self.revision else written


def space_key(*parts: str | int) -> str:
    """Join parts into a key of lower-case letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(str(part) for part in parts).lower()).strip("-")


@dataclass(frozen=True)
class SpaceRow(Space):
    """A stored space, one row of `embedding_spaces`; `state` is building, ready, active or retired."""

    id: int
    state: str
    index_kind: str | None
    index_rows: int | None
    index_recall: float | None
    index_built_at: datetime | None
    created_at: datetime
    ready_at: datetime | None
    activated_at: datetime | None
    retired_at: datetime | None

    @property
    def table(self) -> str:
        """The table of its vectors: `content_hash bytea`, `embedding halfvec(dimensions)`."""
        return f"embeddings_{self.id}"


class SentenceSpace(SpaceRow):
    """A stored image space as its text tower fills it, with sentences, whose vectors lie apart from the panels'."""

    @classmethod
    def of(cls, row: SpaceRow) -> "SentenceSpace":
        """The same space for sentences."""
        return cls(**{field.name: getattr(row, field.name) for field in fields(SpaceRow)})

    @property
    def table(self) -> str:
        """The table of the vectors of sentences in all image spaces, with `space_id`."""
        return "sentence_vectors"

    @property
    def inputs(self) -> str:
        """Always "sentence"."""
        return "sentence"
