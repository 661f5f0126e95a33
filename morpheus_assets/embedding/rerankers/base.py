"""The contract of a reranker, and what opens one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True)
class Reranked:
    """How well each text answers, in the order of the texts (larger is better), and what it cost.

    `tokens` are those charged (0 where it is not by tokens), `cost` is dollars, None where no price is known.
    """

    scores: list[float]
    tokens: int
    cost: Decimal | None


class Reranker(Protocol):
    """Scores texts against a question: one call is one request, without retries."""

    name: str

    async def scores(self, question: str, texts: Sequence[str], within: float) -> Reranked:
        """Scores of all texts; raises embedding.errors, ProviderUnavailable after `within` seconds."""


@dataclass(frozen=True)
class RerankerOptions:
    """Values of the settings that a reranker may use; `base_url` is another address than the vendor's."""

    api_key: str | None = None
    base_url: str | None = None
    threads: int = 1


@dataclass(frozen=True)
class RerankerSpec:
    """A provider of rerankers: `open` makes one of a model's name; without `models` any name is taken.

    `key_setting` and `base_url_setting` are fields of Settings.
    """

    name: str
    open: Callable[[str, RerankerOptions], Reranker]
    models: tuple[str, ...] = ()
    key_setting: str | None = None
    base_url_setting: str | None = None
