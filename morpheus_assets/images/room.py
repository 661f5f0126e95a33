"""How many pixels may be on their way from file to RGB at a time in this process, whoever decodes them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PixelRoom:
    """Room for `pixels`: pages of ordinary size pass side by side, gigantic ones wait for each other, in order."""

    def __init__(self, pixels: int) -> None:
        self._size = pixels
        self._free = pixels
        self._freed = threading.Condition()
        self._turn = threading.Lock()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for so many pixels, and hold it; more than all of it counts as all of it."""
        wanted = min(pixels, self._size)
        # One waits at a time and the rest queue behind it, or small images would keep a large one out for ever.
        with self._turn, self._freed:
            self._freed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._freed:
                self._free += wanted
                self._freed.notify()
