"""Lets a search in only while it can be answered in the time that a person waits for it.

What is on its way, divided by how many are answered a second, is how long a further one takes (Little, Operations
Research 9, 1961); a fixed number of places is seconds here and half a minute there.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from morpheus_assets.api.problems import Problem
from morpheus_assets.services.search import SEARCH_SECONDS

# The rate is that of the last seconds, once so many were answered in them: of fewer it says nothing, as after a pause
# or while a provider is silent.
_LOOKED_BACK_SECONDS = 2.0
_FEWEST = 20


class Admission:
    """Counts the searches on their way and when others were answered; `patience` is how many seconds one may take."""

    def __init__(self, patience: float = SEARCH_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._under_way = 0
        self._answered: deque[float] = deque()

    @property
    def expected_seconds(self) -> float:
        """How long one more search would take; 0.0 where too few were answered lately to say."""
        since = self._clock() - _LOOKED_BACK_SECONDS
        while self._answered and self._answered[0] < since:
            self._answered.popleft()
        if len(self._answered) < _FEWEST:
            return 0.0
        return (self._under_way + 1) * _LOOKED_BACK_SECONDS / len(self._answered)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Be under way while the block runs; raises a Problem when that would take longer than somebody waits."""
        expected = self.expected_seconds
        if expected > self._patience:
            raise Problem(
                503, "overloaded",
                f"So many searches are on their way that one more would take {expected:.0f} seconds; try again then.",
                retry_after=expected,
            )  # fmt: skip
        self._under_way += 1
        try:
            yield
        except BaseException:
            self._under_way -= 1
            raise
        self._under_way -= 1
        self._answered.append(self._clock())
