"""Lets a search in only while it can be answered in the time that a person waits for it.

What is under way, divided by how many are answered a second, is how long a further one takes (Little, Operations
Research 9, 1961); a fixed number of places is seconds here and half a minute there.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

from morpheus_assets.api.problems import Problem
from morpheus_assets.services.search import SEARCH_SECONDS

# The rate says something once so many were answered while so many were under way all the time: fewer may each wait for
# a slow provider, and before the first answers nobody knows.
_BUSY, _FEWEST = 8, 8


class Admission:
    """Counts the searches under way and when others were answered; `patience` is how many seconds one may take."""

    def __init__(self, patience: float = SEARCH_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._under_way = 0
        self._answered: deque[float] = deque()

    @property
    def expected_seconds(self) -> float:
        """How long one more search would take; 0.0 where too few were answered lately to say."""
        now = self._clock()
        while self._answered and self._answered[0] < now - self._patience:
            self._answered.popleft()
        if len(self._answered) < _FEWEST:
            return 0.0
        # One pause of the machine or of the database is no rate: the longest is left out, with the answer at its end.
        pause = max(later - earlier for earlier, later in pairwise([*self._answered, now]))
        return (self._under_way + 1) * (now - self._answered[0] - pause) / (len(self._answered) - 2)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Be under way while the block runs; raises a Problem when that would take longer than somebody waits."""
        expected = self.expected_seconds
        if expected > self._patience:
            raise Problem(
                503, "overloaded",
                f"So many searches are under way that one more would take {expected:.0f} seconds; try again then.",
                retry_after=expected,
            )  # fmt: skip
        self._under_way += 1
        try:
            yield
            if self._under_way >= _BUSY:
                self._answered.append(self._clock())
        finally:
            self._under_way -= 1
            if self._under_way < _BUSY - 1:
                self._answered.clear()
