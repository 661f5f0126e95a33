"""A folder of chapter files becomes one Document, for assets and `inspect` alike.

A file that cannot be read refuses the whole folder: without its text its chapter would vanish from what is stored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePosixPath

from morpheus_assets.domain.content import HeadingHint
from morpheus_assets.domain.slugs import is_novel_slug
from morpheus_assets.text.chapters.chapter_files import FILE, FILE_LEVEL
from morpheus_assets.text.chapters.reading_order import reading_order, spoken
from morpheus_assets.text.documents import Document, OriginMap, SourcePart
from morpheus_assets.text.errors import NoText, UnreadableText
from morpheus_assets.text.formats import check_size, read_document, shown_name
from morpheus_assets.text.language_detection import language_of

MAX_FILES = 20_000
MAX_BYTES = 512 * 1024 * 1024
MAX_TEXT = 96 * 1024 * 1024
"""Bounds as a container's: files, bytes as they lie there, characters of text."""
_READ_AHEAD = 4
_GAP = "\n\n"
_NAMED_FAULTS = 3

Read = Callable[[str], bytes | None]
"""Gives the bytes of a file by its path below the folder; None when it is gone or grew since it was listed."""


def read_novel_folder(folder: str, sizes: Mapping[str, int], read: Read, concurrent_reads: int = 1) -> Document:
    """One document of all files below a folder of the name `folder`, in reading order.

    `sizes` are bytes by path below the folder. Each file's text is preceded by a hint of the source "file". Files
    without any text, such as a picture's page, are left out and named in `repairs`. Raises UnreadableText with one
    sentence, also for any file that cannot be read.
    """
    shown = shown_name(folder)
    paths = reading_order(list(sizes))
    _check(shown, paths, sizes)
    documents: list[tuple[str, Document]] = []
    repairs: list[str] = []
    faults: list[str] = []
    length = 0
    for path, data in _read_ahead(paths, read, concurrent_reads):
        try:
            if data is None:
                raise UnreadableText(f"{shown_name(path)} changed since it was listed: the next run takes it as it is.")
            check_size(path, len(data))
            document = read_document(data, path)
        except NoText as error:
            if data:
                repairs.append(f"{shown_name(path)} holds no text and was left out.")
            else:
                faults.append(str(error))
            continue
        except UnreadableText as error:
            faults.append(str(error))
            continue
        length += len(document.text)
        if length > MAX_TEXT:
            raise UnreadableText(f"{shown}/ has more than {MAX_TEXT // 2**20} MiB of text, which no novel has.")
        documents.append((path, document))
    if faults:
        raise UnreadableText(_refusal(shown, faults))
    if not documents:
        raise UnreadableText(f"{shown}/ holds no text: put the novel's chapters into it.")
    return _joined(folder, documents, repairs)


def _check(shown: str, paths: Sequence[str], sizes: Mapping[str, int]) -> None:
    if len(paths) > MAX_FILES:
        raise UnreadableText(f"{shown}/ holds {len(paths):,} files, and at most {MAX_FILES:,} are read as one novel.")
    if sum(sizes.values()) > MAX_BYTES:
        raise UnreadableText(
            f"{shown}/ has {sum(sizes.values()) / 2**20:,.0f} MiB, and at most {MAX_BYTES // 2**20} MiB are read as one"
            " novel."
        )
    stems: dict[str, str] = {}
    for path in paths:
        other = stems.setdefault(str(PurePosixPath(path).with_suffix("")).casefold(), path)
        if other != path:
            raise UnreadableText(
                f"{shown}/ holds {shown_name(other)} and {shown_name(path)}, which look like one chapter in two"
                " formats: keep one of them; until then nothing of the folder is taken and what is stored stays."
            )


def _refusal(shown: str, faults: Sequence[str]) -> str:
    first = "; ".join(fault.rstrip(".") for fault in faults[:_NAMED_FAULTS])
    more = f"; so are {len(faults) - _NAMED_FAULTS} more files" if len(faults) > _NAMED_FAULTS else ""
    return f"{shown}/ is not taken, and what is stored of it stays: {first}{more}."


def _read_ahead(paths: Sequence[str], read: Read, concurrent_reads: int) -> Iterator[tuple[str, bytes | None]]:
    """The files in order; a few more than are read at a time are held in memory."""
    if concurrent_reads < 2:
        yield from ((path, read(path)) for path in paths)
        return
    step = _READ_AHEAD * concurrent_reads
    with ThreadPoolExecutor(concurrent_reads) as threads:
        for first in range(0, len(paths), step):
            some = paths[first : first + step]
            yield from zip(some, threads.map(read, some), strict=True)


def _joined(folder: str, documents: Sequence[tuple[str, Document]], repairs: Iterable[str]) -> Document:
    pieces: list[str] = []
    hints: list[HeadingHint] = []
    parts: list[SourcePart] = []
    anchors: list[tuple[int, int, int]] = []
    mended: dict[str, list[str]] = {}
    length = 0
    for path, document in documents:
        if pieces:
            pieces.append(_GAP)
            length += len(_GAP)
        hints.append(HeadingHint(length, FILE_LEVEL, spoken(path), FILE))
        hints += [replace(hint, char_offset=hint.char_offset + length) for hint in document.hints]
        origins = document.origins or OriginMap.identity(document.text)
        first = len(parts)
        for part in origins.parts:
            href = path if part.href is None else f"{path}#{part.href}"
            parts.append(replace(part, href=href, spine_index=len(parts)))
        anchors += [
            (length + at, first + part, source)
            for at, part, source in zip(origins.text_offsets, origins.part_indexes, origins.source_offsets, strict=True)
        ]
        for repair in document.repairs:
            mended.setdefault(repair, []).append(shown_name(path))
        pieces.append(document.text)
        length += len(document.text)
    text = "".join(pieces)
    encodings = dict.fromkeys(document.encoding for _, document in documents)
    return Document(
        text,
        "folder",
        ", ".join(encodings),
        (*repairs, *(f"{_several(names)}: {repair}" for repair, names in mended.items())),
        language_of(text),
        _agreed(document.title for _, document in documents) or _title(folder),
        _agreed(document.author for _, document in documents),
        tuple(hints),
        OriginMap.of(parts, anchors),
    )


def _several(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more files"


def _agreed(named: Iterable[str | None]) -> str | None:
    """What all files that say anything say, if there are two of them or only one file."""
    every = list(named)
    said = [name for name in every if name]
    return said[0] if said and len(set(said)) == 1 and (len(said) > 1 or len(every) == 1) else None


def _title(folder: str) -> str | None:
    return None if is_novel_slug(folder) else folder.replace("_", " ").strip() or None
