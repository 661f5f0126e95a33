"""A stored embedding space as a value; shared by everything that reads or writes vectors."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SpaceRow:
    """One row of `embedding_spaces`; `state` is building, ready, active or retired."""

    id: int
    key: str
    fingerprint: str
    purpose: str
    provider: str
    model: str
    revision: str
    dimensions: int
    preparation: str
    max_input_tokens: int | None
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


# The share of the true neighbours that its index finds.
LOWEST_RECALL = 0.97
# Between a stored vector and the one that its model gives for the same input today.
LOWEST_COSINE = 0.999
