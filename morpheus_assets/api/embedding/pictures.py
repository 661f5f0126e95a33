"""Pictures that callers send or ask for: how much of them may be in memory at a time, and memory given back.

A file of 76 kB may decode to 64 million pixels, 256 MB and more: 24 such uploads at once took 8 GB.
"""

import asyncio
import ctypes
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from PIL import Image

from morpheus_assets.api.problems import Problem
from morpheus_assets.images.decoding import DEFAULT_MAX_PIXELS, declared_pixels, decode_panel

# One of the largest, or a dozen scanned pages.
MOST_PIXELS = DEFAULT_MAX_PIXELS
MOST_BYTES = 128 * 1024 * 1024
# Pillow's own blocks of 16 MB are kept by the allocator, and many of them are copied together before a model sees them;
# as one piece a picture goes back to the system when it is let go of (500 MB less, and four times as fast).
_ONE_PIECE = 4 * MOST_PIXELS + 2**24 & ~0xFFF
# What the allocator keeps of larger ones for later is given back to the system.
_LARGE = 4_000_000

# Decoding, scaling and reading of files: never in the threads that a search waits for.
THREADS = 4

P = ParamSpec("P")
T = TypeVar("T")
Opener = Callable[..., Any]
"""Decodes a picture when a provider asks for it, as ingest does: the same file has the same vector however it comes."""


class Room:
    """Room for `size` of something; who comes first is served first, and more than all of it counts as all of it."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, wanted: int, until: float) -> int:
        """Wait for room; how much to give back. Raises TimeoutError when there is none by `until` (monotonic)."""
        wanted = min(wanted, self._size)
        if not self._waiting and wanted <= self._free:
            self._free -= wanted
            return wanted
        place = wanted, asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await place[1]
        except BaseException:
            if place in self._waiting:
                self._waiting.remove(place)
                self.give(0)
            elif place[1].done() and not place[1].cancelled():
                self.give(wanted)
            raise
        return wanted

    def give(self, held: int) -> None:
        """Give back what was taken."""
        self._free += held
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= size
                turn.set_result(None)


class Pictures:
    """Opens pictures of requests; each waits half of a request's deadline for its place and is then refused."""

    def __init__(self, *, max_pixels: int, deadline_seconds: float) -> None:
        Image.core.set_block_size(_ONE_PIECE)
        self._max_pixels = max_pixels
        self._patience = deadline_seconds / 2
        self._pixels, self._bytes = Room(MOST_PIXELS), Room(MOST_BYTES)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pictures")

    async def work(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(…)` in a thread of its own kind; for all that reads, decodes or writes pictures."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def bytes_of(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes of files; raises a Problem when there is no room for them in time."""
        async with _placed(self._bytes, size, self._patience):
            yield

    @asynccontextmanager
    async def opened(self, data: bytes, name: str) -> AsyncIterator[Opener]:
        """What decodes the picture, as long as the block runs; nothing decoded may outlive it.

        Raises RefusedImage for what is no picture or too large a one by its header, and a Problem when there is no
        room in time.
        """
        pixels = await self.work(declared_pixels, data, name, max_pixels=self._max_pixels)

        def decoded(least: Any = None) -> Any:
            return decode_panel(data, name, max_pixels=self._max_pixels, least=least).image

        async with _placed(self._pixels, pixels, self._patience):
            try:
                yield decoded
            finally:
                if pixels >= _LARGE:
                    await self.work(give_memory_back)


@asynccontextmanager
async def _placed(room: Room, size: int, patience: float) -> AsyncIterator[None]:
    try:
        held = await room.take(size, time.monotonic() + patience)
    except TimeoutError:
        raise Problem(
            503, "overloaded", "Too many large pictures are being worked on; try again.", retry_after=patience
        ) from None
    try:
        yield
    finally:
        room.give(held)


def give_memory_back() -> None:
    """Give what the allocator keeps for later back to the system, where it can (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
