"""Inspection of a file: what it would become, by the code that the assets run, without a database or a provider."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morpheus_assets.domain.content import SourceFile
from morpheus_assets.domain.spaces import Space
from morpheus_assets.images.books.values import BOOK_SUFFIXES
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services.known_languages import language_note
from morpheus_assets.sources.base import ContentUnreadable, FileUnreadable
from morpheus_assets.text.chunking.settings import ChunkerSettings
from morpheus_assets.text.errors import UnreadableText

if TYPE_CHECKING:
    from morpheus_assets.text.documents import Document

_words = str.split
_COMICS = frozenset(_words(".cbz .cbr .cb7 .cbt"))
_PICTURES = frozenset(
    _words(".png .jpg .jpeg .jpe .webp .gif .bmp .tif .tiff .avif .heic .heif .ico .jp2 .jxl .psd .svg .pnm .ppm .pgm")
)


def inspect_file(
    path: Path, *, chunker: ChunkerSettings, max_image_pixels: int, spaces: Sequence[Space] = ()
) -> dict[str, Any]:
    """Describe one file as a JSON-ready object.

    Keys for all: `file`, `state` ("ok" or "refused"), `kind` ("text", "image", "comic"), `reason` (a sentence or None).
    A text adds `format`, `encoding`, `language`, `title`, `author`, `repairs`, `characters`, `chunks`, `chapters`,
    `sections` (pieces of a text without chapters), `front` and `back` (pieces around the chapters), and `notes`,
    sentences on the text `spaces` that it would be embedded in; an image adds `width`, `height`, `mode`, `treatments`;
    a comic (an archive, PDF or EPUB of pages) `title`, `series`, `number`, `writer`, `direction`, `notes` and `pages`.
    Never raises for what a file contains; a fault in our own code is `state` "failed".
    """
    kind = _kind_of(path)
    answer: dict[str, Any] = {"file": str(path), "state": "ok", "kind": kind, "reason": None}
    try:
        if kind == "text":
            answer.update(_inspect_text(path, chunker))
            answer["notes"] = [note for space in spaces if (note := language_note(space, [answer["language"]]))]
        elif kind == "comic":
            answer.update(_inspect_comic(path, max_image_pixels))
        else:
            answer.update(_inspect_image(path, max_image_pixels))
    except (UnreadableText, RefusedImage) as error:
        answer.update(state="refused", reason=str(error))
    except OSError as error:
        answer.update(state="refused", reason=f"{path} cannot be read: {error.strerror or error}.")
    except Exception as error:
        answer.update(state="failed", reason=f"{path} could not be inspected: {type(error).__name__}: {error}")
    if kind == "text":
        answer.setdefault("chapters", [])
    return answer


def _kind_of(path: Path) -> str:
    """ "image", "comic" or "text": by the folder that it lies in, else by its first bytes, and by its suffix last."""
    from morpheus_assets.images.books.opening import book_kind
    from morpheus_assets.images.signatures import image_kind
    from morpheus_assets.text.formats import SUPPORTED_SUFFIXES

    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        head = b""
    suffix = path.suffix.lower()
    for folder in reversed(path.absolute().parent.parts):
        if folder in ("novels", "panels"):
            pages = suffix in BOOK_SUFFIXES or book_kind(head[:1024])
            return "text" if folder == "novels" else "comic" if pages else "image"
    if suffix in _COMICS:
        return "comic"
    # BM and P3 also begin words; what follows them in a picture is hardly ASCII.
    if image_kind(head) is not None and not (head.isascii() and suffix in SUPPORTED_SUFFIXES):
        return "image"
    return "image" if suffix in _PICTURES else "text"


def describe(answer: dict[str, Any]) -> str:
    """The object of `inspect_file` for a person."""
    if answer["state"] != "ok":
        return f"{answer['file']}\n  {answer['state']}: {answer['reason']}"
    if answer["kind"] == "image":
        done = "; ".join(answer["treatments"]) or "nothing"
        return (
            f"{answer['file']}\n  {answer['format']} {answer['width']}x{answer['height']} {answer['mode']}\n"
            f"  done to it: {done}"
        )
    if answer["kind"] == "comic":
        return _describe_comic(answer)
    lines = [
        answer["file"],
        f"  {answer['format']}, {answer['encoding']}, language {answer['language']}, "
        f"{answer['characters']:,} characters, {answer['chunks']:,} chunks",
    ]
    if answer["title"]:
        lines.append(f"  {answer['title']}" + (f", by {answer['author']}" if answer["author"] else ""))
    lines += [f"  mended: {repair}" for repair in answer["repairs"]]
    lines += [f"  note: {note}" for note in answer.get("notes", ())]
    chapters = answer["chapters"]
    lines.append(f"  {len(chapters)} chapters" if chapters else f"  no chapters, {len(answer['sections'])} sections")
    for row in (*answer["front"], *(chapters or answer["sections"]), *answer["back"]):
        lines.append(f"  {row['ordinal']:>5}  line {row['line']:>7}  at {row['char_offset']:>9}  {row['title']}")
    return "\n".join(lines)


def _inspect_text(path: Path, chunker: ChunkerSettings) -> dict[str, Any]:
    from morpheus_assets.text.chapters.find import find_chapters
    from morpheus_assets.text.chunking.chunks import cut_chunks
    from morpheus_assets.text.novel_files import read_novel_file

    document = _read_folder(path) if path.is_dir() else read_novel_file(path)[0]
    found = find_chapters(document)
    rows: dict[str, list[dict[str, Any]]] = {"chapter": [], "section": [], "front": [], "back": []}
    for chapter in found:
        position = document.source_position(chapter.char_start)
        row = {
            "ordinal": chapter.ordinal,
            "line": position.line,
            "char_offset": position.char_offset,
            "title": chapter.title,
        }
        if position.href is not None:
            row |= {"href": position.href, "spine_index": position.spine_index}
        rows[chapter.kind].append(row)
    return {
        "format": document.format,
        "encoding": document.encoding,
        "language": document.language,
        "title": document.title,
        "author": document.author,
        "repairs": list(document.repairs),
        "characters": len(document.text),
        "chunks": sum(1 for _ in cut_chunks(document.text, found, chunker.of_novel(document.language, None))),
        "chapters": rows["chapter"],
        "sections": rows["section"],
        "front": rows["front"],
        "back": rows["back"],
    }


def _read_folder(path: Path) -> "Document":
    """The novel in a folder of chapters, by the rules for what is taken; raises UnreadableText."""
    from morpheus_assets.services.content_location import around
    from morpheus_assets.sources.names import Passed, take_novel
    from morpheus_assets.text.formats import size_limit
    from morpheus_assets.text.novel_folders import read_novel_folder

    path = path.absolute()
    if path.name in ("novels", "panels"):
        raise UnreadableText(f"{path} holds many: name its files and folders, as in `morpheus inspect {path.name}/*`.")
    source = around(path)
    taken = [take_novel(entry) for entry in source.entries(path.name)]
    sizes = {each.path.removeprefix(f"{path.name}/"): each.size_bytes for each in taken if isinstance(each, SourceFile)}
    passed = [each.problem for each in taken if isinstance(each, Passed) and each.problem]
    if not sizes:
        raise UnreadableText(passed[0] if passed else f"{path} holds no file: put the novel's chapters into it.")
    try:
        document = read_novel_folder(
            path.name, sizes, lambda below: source.read(f"{path.name}/{below}", size_limit(below))
        )
    except (ContentUnreadable, FileUnreadable) as error:
        raise UnreadableText(str(error)) from error
    return replace(document, repairs=(*document.repairs, *passed))


def _inspect_comic(path: Path, max_image_pixels: int) -> dict[str, Any]:
    """The pages of a file in reading order, each with what it would be cut into or why it is refused."""
    from morpheus_assets.services.content_location import around
    from morpheus_assets.services.page_cutting import cut_pages
    from morpheus_assets.services.page_listing import find_pages
    from morpheus_assets.services.page_reading import PageReader
    from morpheus_assets.sources.base import Entry

    path = path.absolute()
    reader = PageReader(around(path.parent), max_image_pixels)
    try:
        found = find_pages(reader, [Entry(f"{path.parent.name}/{path.name}", path.stat().st_size)])
        rows = [replace(row, id=at) for at, row in enumerate(found.rows)]
        if len(rows) == 1 and rows[0].reason and not rows[0].entry:
            raise RefusedImage(rows[0].reason)
        stored = [row for row in rows if row.state == "stored"]
        cut = {page.page.id: page for page in cut_pages(reader, stored, {})}
    finally:
        reader.close()
    facts = found.books[0] if found.books else None
    pages = []
    for row in rows:
        regions = cut[row.id].regions or () if row.id in cut else ()
        pages.append(
            {
                "page": row.ordinal,
                "entry": row.entry,
                "role": row.role,
                "width": row.width,
                "height": row.height,
                "spread": row.spread,
                "regions": [{"kind": each.kind, "box": [each.x0, each.y0, each.x1, each.y1]} for each in regions],
                "doubts": list(cut[row.id].doubts) if row.id in cut else [],
                "reason": row.reason,
            }
        )
    said = {name: getattr(facts, name, None) for name in ("title", "series", "number", "writer")}
    return {**said, "direction": rows[0].direction if rows else None, "notes": list(found.notes), "pages": pages}


def _describe_comic(answer: dict[str, Any]) -> str:
    pages, names = answer["pages"], [answer["series"], answer["number"], answer["title"], answer["writer"]]
    refused = sum(page["reason"] is not None for page in pages)
    read = "from right to left" if answer["direction"] == "rtl" else "from left to right"
    stored = len(pages) - refused
    lines = [answer["file"], f"  {stored} page{'s' * (stored != 1)}, {refused} refused, read {read}"]
    lines += [f"  {' · '.join(map(str, filter(None, names)))}"] if any(names) else []
    lines += [f"  note: {note}" for note in answer["notes"]]
    for page in pages:
        if page["reason"] is not None:
            lines.append(f"  {page['page']:>5}  refused: {page['reason']}")
            continue
        parts = Counter(region["kind"] for region in page["regions"][1:])
        told = [f"{page['width']}x{page['height']}", page["role"], "a spread" if page["spread"] else ""]
        told += [", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in parts.items()) or "one picture"]
        told += ["doubtful: " + "; ".join(page["doubts"])] if page["doubts"] else []
        name = page["entry"] or Path(answer["file"]).name
        lines.append(f"  {page['page']:>5}  {name}  " + "  ".join(filter(None, told)))
    return "\n".join(lines)


def _inspect_image(path: Path, max_image_pixels: int) -> dict[str, Any]:
    from morpheus_assets.images.page_pixels import look_at_page

    _, facts = look_at_page(path.read_bytes(), path.name, max_pixels=max_image_pixels)
    return {
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "mode": facts.mode,
        "treatments": list(facts.treatments),
    }
