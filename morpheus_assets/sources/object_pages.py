"""One page of a listing, for each kind of store: what lies behind a path, in the order of the paths' bytes.

Size, time and mark come with the listing: no object is asked for by itself.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from morpheus_assets.sources.base import Entry, Page, incomplete_listing

MOST_KEYS = 1000
Call = Callable[..., Any]
"""Asks the library: the name of its method and what that takes."""


def s3_page(call: Call, root: str, after: str, limit: int) -> tuple[list[Mapping[str, Any]], bool]:
    """The objects of `bucket/prefix` behind the key `after`, and whether more follow."""
    bucket, _, prefix = root.partition("/")
    start = {"StartAfter": after} if after else {}
    answer = call("call_s3", "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=limit, **start)
    found = answer.get("Contents", [])
    if answer.get("KeyCount", len(found)) != len(found) or (answer.get("IsTruncated") and not found):
        raise incomplete_listing(f"s3://{root}", f"{len(found)} of {answer.get('KeyCount')} objects")
    return [{**each, "name": each["Key"]} for each in found], bool(answer.get("IsTruncated"))


def gs_page(call: Call, root: str, after: str, limit: int) -> tuple[list[Mapping[str, Any]], bool]:
    """The same for Google Cloud Storage, whose `startOffset` includes the name itself."""
    bucket, _, prefix = root.partition("/")
    start = {"startOffset": after} if after else {}
    answer = call("call", "GET", "b/{}/o", bucket, prefix=prefix, maxResults=limit + 1, json_out=True, **start)
    found = [each for each in answer.get("items", []) if each["name"] != after]
    if answer.get("nextPageToken") and not found:
        raise incomplete_listing(f"gs://{root}", "an empty page that is not the last")
    return found, "nextPageToken" in answer


def any_page(call: Call, root: str, after: str, limit: int) -> tuple[list[Mapping[str, Any]], bool]:
    """Everything behind `after` as one page, for a store that cannot begin a listing in the middle."""
    bucket, _, _ = root.partition("/")
    found = call("find", root.rstrip("/"), detail=True).values()
    if not found:
        # a container that is missing lists as an empty one; asked for itself, it is not found
        call("info", bucket)
    names = ((each["name"].removeprefix(bucket + "/"), each) for each in found)
    return [{**each, "name": name} for name, each in sorted(names, key=lambda pair: pair[0]) if name > after], False


PAGES: Mapping[str, Callable[[Call, str, str, int], tuple[list[Mapping[str, Any]], bool]]] = {
    "s3": s3_page,
    "gs": gs_page,
    "az": any_page,
}
CAN_BEGIN_ANYWHERE = frozenset({"s3", "gs"})


def page_of(call: Call, url: str, scheme: str, root: str, after: str | None, limit: int) -> Page:
    """One page of `bucket/prefix/`, with paths below it; objects that stand for folders are left out.

    Raises ContentUnreadable when the listing cannot be right, and what the library raises.
    """
    prefix = root.partition("/")[2]
    found, more = PAGES[scheme](call, root, prefix + after if after else "", limit)
    entries: list[Entry] = []
    last = after or ""
    for each in found:
        path = str(each["name"]).removeprefix(prefix)
        if path <= last and path:
            raise incomplete_listing(url, "its names are in no order, as in a directory bucket, so nobody could go on")
        last = path
        if path and not path.endswith("/"):
            entries.append(_entry(path, each))
    return Page(after, tuple(entries), last if more else None)


def _entry(path: str, found: Mapping[str, Any]) -> Entry:
    # Each library hands on its own store's words.
    times = ("LastModified", "last_modified", "updated", "mtime")
    moment = next((found[name] for name in times if name in found), None)
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    mtime_ns = round(moment.timestamp() * 1e6) * 1000 if moment else 0
    return Entry(path, int(found.get("Size", found.get("size", 0))), mtime_ns, _mark(found, mtime_ns))


def _mark(found: Mapping[str, Any], mtime_ns: int) -> str:
    for name in ("ETag", "md5Hash", "content_md5", "etag", "generation"):
        if value := found.get(name) or _of_content(found, name):
            return bytes(value).hex() if isinstance(value, bytes | bytearray) else str(value).strip('"')
    return str(mtime_ns)


def _of_content(found: Mapping[str, Any], name: str) -> Any:
    settings = found.get("content_settings") or {}
    return settings.get(name) if hasattr(settings, "get") else None


def names_of(found: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """The folders and objects directly below a source, by name, from fsspec's `ls`."""
    paths: set[str] = set()
    for each in found:
        if name := str(each["name"]).rstrip("/").rpartition("/")[2]:
            paths.add(f"{name}/" if each["type"] == "directory" else name)
    return [Entry(path) for path in sorted(paths)]
