"""A person's boxes: `regions.tsv` beside a novel's pages, one box a line; a bad line is named and left out.

page, left, top, right, bottom, tab-separated and in reading order, in pixels of the upright page. The page is a file's
path in the folder, and behind it an entry of an archive: `vol1.cbz/003.png`. A page with `-` has no panels.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from morpheus_assets.images.boxes import Box

FILE_NAME = "regions.tsv"


@dataclass(frozen=True)
class Corrections:
    """The boxes of each page that a person looked at (none: the whole page is one picture), and what is wrong."""

    boxes: dict[str, tuple[Box, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def unknown(self, pages: Collection[str]) -> tuple[str, ...]:
        """A sentence for each page that is looked at here and is none of `pages`."""
        return tuple(
            f"{FILE_NAME} names {page!r}, which is no stored page of this novel: write a file's path in the folder,"
            " and behind it an entry of an archive, as in vol1.cbz/003.png."
            for page in self.boxes
            if page not in pages
        )


def read_corrections(data: bytes) -> Corrections:
    """The boxes of a corrections file; never raises."""
    boxes: dict[str, list[Box]] = {}
    problems = []
    # A spreadsheet saves "Unicode text" in UTF-16.
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    for number, line in enumerate(data.decode(encoding, "replace").splitlines(), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        cells[0] = cells[0].replace("\\", "/")
        if not line.strip() or line.startswith("#") or (number == 1 and cells[0].lower() == "page"):
            continue
        if len(cells) == 2 and cells[1] == "-":
            boxes.setdefault(cells[0], [])
            continue
        try:
            left, top, right, bottom = (int(cell) for cell in cells[1:5])
        except ValueError:
            problems.append(
                f"{FILE_NAME}, line {number}, is not a page and four whole numbers with tabs between: it was left out."
            )
            continue
        if min(left, top) < 0 or right <= left or bottom <= top:
            problems.append(f"{FILE_NAME}, line {number}, is no box (left, top, right, bottom): it was left out.")
            continue
        boxes.setdefault(cells[0], []).append((left, top, right, bottom))
    return Corrections({page: tuple(found) for page, found in boxes.items()}, tuple(problems))
