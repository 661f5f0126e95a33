"""A person's boxes: `regions.tsv` beside a novel's pages, one box a line; a bad line is named and left out.

page, left, top, right, bottom, tab-separated and in reading order, in pixels of the upright page. The page is a file's
path in the folder, and behind it an entry of an archive: `vol1.cbz/003.png`. A page with `-` has no panels.
"""

from dataclasses import dataclass, field

from morpheus_assets.images.boxes import Box

FILE_NAME = "regions.tsv"


@dataclass(frozen=True)
class Corrections:
    """The boxes of each page that a person looked at (none: the whole page is one picture), and what is wrong."""

    boxes: dict[str, tuple[Box, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_corrections(data: bytes, name: str = FILE_NAME) -> Corrections:
    """The boxes of a corrections file; never raises."""
    boxes: dict[str, list[Box]] = {}
    problems = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or line.startswith("#") or (number == 1 and cells[0].lower() == "page"):
            continue
        if len(cells) == 2 and cells[1] == "-":
            boxes.setdefault(cells[0], [])
            continue
        try:
            left, top, right, bottom = (int(cell) for cell in cells[1:5])
        except ValueError:
            problems.append(
                f"{name}, line {number}, is not a page and four whole numbers with tabs between: it was left out."
            )
            continue
        if min(left, top) < 0 or right <= left or bottom <= top:
            problems.append(f"{name}, line {number}, is no box (left, top, right, bottom): it was left out.")
            continue
        boxes.setdefault(cells[0], []).append((left, top, right, bottom))
    return Corrections({page: tuple(found) for page, found in boxes.items()}, tuple(problems))
