"""Objects behind an address (`s3://`, `gs://`, `az://`) as a source, through fsspec.

Credentials and endpoints are the libraries' own business (AWS_*, GOOGLE_*, AZURE_*, FSSPEC_*). A library's listing
cache stays off: a sensor that reads yesterday's listing sees nothing.
"""

import io
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, BinaryIO, ClassVar, TypeVar

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.sources import object_errors
from morpheus_assets.sources.base import (
    ContentUnreadable,
    Entry,
    FileUnreadable,
    KnownPaths,
    Observation,
    Page,
    incomplete_listing,
    is_hidden,
)
from morpheus_assets.sources.object_pages import CAN_BEGIN_ANYWHERE, MOST_KEYS, names_of, page_of

CONCURRENT_READS = 16
PAGES_AHEAD = 4
# Ranges a little shorter than a page: a few new objects between two known ones still fit into one request.
FILL = 0.97
ASKED_BY_NAME = 200
# A dead endpoint must have its sentence before a sensor's tick is killed, at 60 seconds.
ANSWER_SECONDS = 40.0
READ_SECONDS = 300.0
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 4,
            "read_timeout": 10,
            "max_pool_connections": 2 * CONCURRENT_READS,
            "retries": {"total_max_attempts": 2, "mode": "standard"},
        }
    },
    "gs": {},
    "az": {},
}
T = TypeVar("T")


@dataclass(frozen=True)
class ObjectSource:
    """The objects below `url`, which names a bucket and maybe a prefix: `s3://bucket/shelf/panels`."""

    url: str
    page_size: int = field(default=MOST_KEYS, kw_only=True)
    concurrent_reads: ClassVar[int] = CONCURRENT_READS

    def display_name(self, path: str = "") -> str:
        """The address, of one object when `path` is given."""
        return f"{self.url.rstrip('/')}/{path}".rstrip("/")

    def page(self, after: str | None = None) -> Page:
        """One page of the listing, behind the path `after`; raises ContentUnreadable."""
        return self._asked(lambda: page_of(self._call, self.url, self._scheme, self._root + "/", after, self.page_size))

    def pages(
        self, after: str | None = None, *, known_paths: KnownPaths | None = None, seconds: float = math.inf
    ) -> Iterator[Page]:
        """Pages in order from behind `after` to the end; the first one comes in any case.

        `known_paths` are likely to lie a little less than a page apart: their pages are asked for ahead, a few at a
        time, where the next page would else wait for the name that ends the one before it.
        """
        deadline = time.monotonic() + seconds
        ahead_of = known_paths if self._scheme in CAN_BEGIN_ANYWHERE else None
        bounds = ahead_of(max(1, int(self.page_size * FILL))) if ahead_of else ()
        starts = [after, *sorted(bound for bound in set(bounds) if bound > (after or ""))]
        ends = [*starts[1:], None]
        with ThreadPoolExecutor(PAGES_AHEAD) as threads:
            ahead: list[Future[Page]] = []
            try:
                for index, end in enumerate(ends):
                    while len(ahead) < min(len(starts), index + PAGES_AHEAD):
                        if ahead and time.monotonic() > deadline:
                            break
                        ahead.append(threads.submit(self.page, starts[len(ahead)]))
                    if index == len(ahead):
                        return
                    page = _until(ahead[index].result(), end)
                    yield page
                    while page.after is not None and page.after != end:
                        if time.monotonic() > deadline:
                            return
                        page = _until(self.page(page.after), end)
                        yield page
            finally:
                threads.shutdown(cancel_futures=True)

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """All objects, or those below one folder, with paths relative to this source; raises ContentUnreadable."""
        prefix = f"{folder}/" if folder else ""
        below = ObjectSource(self.display_name(folder), page_size=self.page_size)
        for page in below.pages():
            for each in page.entries:
                yield replace(each, path=prefix + each.path)

    def names(self) -> list[Entry]:
        """The folders and objects directly below; raises ContentUnreadable."""
        try:
            found = self._asked(lambda: self._call("ls", self._root, detail=True), FileNotFoundError)
        except FileNotFoundError:
            found = []
        if not found:
            # both a bucket that is missing, which is an error, and a prefix that holds nothing, which is none
            ObjectSource(self.url, page_size=1).page()
        return names_of(found)

    def observe(self, files: Iterable[SourceFile], known: Mapping[str, SourceFile]) -> Observation:
        """The files as they are: an object is whole once it is listed, and its mark came with the listing."""
        return Observation(tuple(files))

    def mark(self, entry: Entry) -> str:
        """The mark that came with the listing."""
        assert entry.mark is not None
        return entry.mark

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """An object's bytes in one request; None when it is not there or larger than `most_bytes`.

        Raises FileUnreadable when this one may not be read, ContentUnreadable when the source does not answer.
        """
        if not _fit(path):
            return None
        try:
            # A range, so that no more than that is ever held; and without one s3fs asks for the size first.
            data = self._call("cat_file", self._path(path), start=0, end=most_bytes + 1, seconds=READ_SECONDS)
        except FileNotFoundError:
            return None
        except Exception as error:
            if object_errors.code_of(error) in ("InvalidRange", "416"):
                return b""
            if object_errors.is_closed(error):
                raise FileUnreadable(
                    f"{path} cannot be read ({object_errors.code_of(error)}): check the permissions of that object."
                ) from error
            raise object_errors.unreadable(self.url, error) from error
        return data if len(data) <= most_bytes else None

    def verify_absent(self, unseen: Collection[str], most_bytes: float = math.inf) -> None:
        """Ask by name for objects that a listing lacks: one of up to `most_bytes` that is there proves it wrong.

        Raises ContentUnreadable then. Of very many a sample is asked for.
        """
        found = self.exists(_sample(unseen, ASKED_BY_NAME), most_bytes)
        if found:
            raise incomplete_listing(self.display_name(), f"it lacks {min(found)}, which is there")

    def is_empty(self) -> bool:
        """Whether the first page is the last and holds hidden objects at most; raises ContentUnreadable."""
        page = self.page()
        return page.after is None and all(is_hidden(entry.path) for entry in page.entries)

    def open(self, path: str, most_bytes: int) -> BinaryIO | None:
        """An object, brought whole into memory."""
        data = self.read(path, most_bytes)
        return None if data is None else io.BytesIO(data)

    def exists(self, paths: Collection[str], most_bytes: float = math.inf) -> set[str]:
        """The `paths` that are objects of up to `most_bytes`, found by name; raises ContentUnreadable."""

        def found(path: str) -> bool:
            try:
                info = self._call("info", self._path(path))
                return bool(info["type"] == "file" and info["size"] <= most_bytes)
            except FileNotFoundError:
                return False
            except Exception as error:
                # a name that may not be read is a name that is there
                return object_errors.is_closed(error) or self._raise(error)

        if not paths:
            return set()
        self._asked(lambda: self._fs)
        with ThreadPoolExecutor(CONCURRENT_READS) as threads:
            return {path for path, is_there in zip(paths, threads.map(found, paths), strict=True) if is_there}

    def put_new(self, path: str, data: bytes) -> bool:
        """Put a new object; an existing one stays as it is and gives False. Raises ContentUnreadable."""
        try:
            self._call("pipe_file", self._path(path), data, mode="create", seconds=READ_SECONDS)
        except Exception as error:
            if isinstance(error, FileExistsError) or object_errors.code_of(error) in ("412", "PreconditionFailed"):
                return False
            raise object_errors.unreadable(self.url, error) from error
        return True

    def delete(self, paths: Collection[str]) -> None:
        """Delete objects; a missing one is none. Raises ContentUnreadable."""
        for path in paths:
            try:
                self._call("rm_file", self._path(path), seconds=READ_SECONDS)
            except FileNotFoundError:
                continue
            except Exception as error:
                raise object_errors.unreadable(self.url, error) from error

    @property
    def _scheme(self) -> str:
        return object_errors.scheme_of(self.url)

    @property
    def _root(self) -> str:
        return self.url.partition("://")[2].strip("/")

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _call(self, method: str, *given: Any, seconds: float = ANSWER_SECONDS, **options: Any) -> Any:
        from fsspec.asyn import sync

        # all three libraries are asynchronous within; asked this way they have a deadline over all of their retries
        return sync(self._fs.loop, getattr(self._fs, f"_{method}"), *given, timeout=seconds, **options)

    @cached_property
    def _fs(self) -> Any:
        import fsspec

        fs = fsspec.filesystem(self._scheme, use_listings_cache=False, **_OPTIONS[self._scheme])
        fs.retries = 2  # s3fs asks five times on top of what botocore does
        return fs

    def _asked(self, question: Callable[[], T], passed_on: type[Exception] = ContentUnreadable) -> T:
        try:
            return question()
        except (ContentUnreadable, passed_on):
            raise
        except Exception as error:
            raise object_errors.unreadable(self.url, error) from error

    def _raise(self, error: BaseException) -> bool:
        raise object_errors.unreadable(self.url, error) from error


def _sample(paths: Collection[str], most: int) -> list[str]:
    """Up to `most` of the paths, spread evenly over their order."""
    ordered = sorted(paths)
    return ordered[:: math.ceil(len(ordered) / most)] if ordered else []


def _until(page: Page, end: str | None) -> Page:
    if end is None or (page.after is not None and page.after <= end):
        return page
    # What lies behind `end` comes again with the page that begins there.
    return Page(page.start, tuple(each for each in page.entries if each.path <= end), end)


def _fit(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/") and "\0" not in path
