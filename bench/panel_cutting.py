"""How well panels are cut: precision and recall at an IoU, panels seen in a usable size, reading order, CPU a page.

`python -m bench.panel_cutting [--pages 10] [--set printed] [--first 1000] [--kind NAME]` draws pages of every kind of a
set, from a seed on. `--folder FOLDER` measures pages of one's own, whose boxes stand in FOLDER/boxes.tsv (file, order,
left, top, right, bottom, and the direction).
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench import comic_pages, printed_pages
from bench.comic_pages import Box, DrawnPage, draw_comic_page
from bench.printed_pages import draw_printed_page
from morpheus_assets.images.page_pixels import WholePage
from morpheus_assets.images.page_regions import regions_of

USABLE_SHARE = 0.8
USABLE_SIZE = 3.0
# Of a page: a picture that is the page, whose answer is the page's own region.
ONE_PICTURE = 0.9


@dataclass
class Tally:
    """Sums over pages of one kind."""

    pages: int = 0
    panels: int = 0
    found: int = 0
    right: int = 0
    usable: int = 0
    usable_before: int = 0
    ordered: int = 0
    order_pages: int = 0
    doubtful: int = 0
    regions: int = 0
    seconds: float = 0.0


def measure(page: DrawnPage, tally: Tally, iou: float) -> None:
    """Cut one page and add what came out to `tally`."""
    started = time.process_time()
    cut, _ = regions_of(WholePage(page.image), page.direction)
    tally.seconds += time.process_time() - started
    panels = [region.box for region in cut.regions if region.kind == "panel"]
    whole = page.image.width * page.image.height
    if not panels and any(area(panel) >= ONE_PICTURE * whole for panel in page.panels):
        panels = [cut.regions[0].box]
    matched = match(page.panels, panels, iou)
    tally.pages += 1
    tally.panels += len(page.panels)
    tally.found += len(panels)
    tally.right += len(matched)
    tally.doubtful += bool(cut.doubts)
    tally.regions += len(cut.regions)
    boxes = [region.box for region in cut.regions]
    tally.usable += sum(usable(panel, boxes) for panel in page.panels)
    tally.usable_before += sum(usable(panel, [(0, 0, *page.image.size)]) for panel in page.panels)
    if len(matched) > 1:
        order = [matched[i] for i in sorted(matched)]
        tally.order_pages += 1
        tally.ordered += order == sorted(order)


def match(truth: list[Box], found: list[Box], iou: float) -> dict[int, int]:
    """Which found box is which true one, the best pairs first, each once."""
    pairs = sorted(((overlap(a, b), i, j) for i, a in enumerate(truth) for j, b in enumerate(found)), reverse=True)
    matched: dict[int, int] = {}
    for value, i, j in pairs:
        if value >= iou and i not in matched and j not in matched.values():
            matched[i] = j
    return matched


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return shared / max(1, area(a) + area(b) - shared)


def area(box: Box) -> int:
    """Pixels of a box."""
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def usable(panel: Box, regions: list[Box]) -> bool:
    """True when some region holds 80 % of the panel and is at most three times as large."""
    return any(
        max(0, min(panel[2], r[2]) - max(panel[0], r[0])) * max(0, min(panel[3], r[3]) - max(panel[1], r[1]))
        >= USABLE_SHARE * area(panel)
        and area(r) <= USABLE_SIZE * area(panel)
        for r in regions
    )


SETS = {"comic": (comic_pages.KINDS, draw_comic_page), "printed": (printed_pages.KINDS, draw_printed_page)}


def drawn_pages(name: str, seeds: range, only: list[str]) -> Iterator[DrawnPage]:
    """Pages of each kind of a set, or of some of its kinds."""
    kinds, draw = SETS[name]
    for kind in only or kinds:
        for seed in seeds:
            yield draw(kind, seed)


def pages_in(folder: Path) -> Iterator[DrawnPage]:
    """Pages whose boxes a person has noted; the kind is the file's name up to the first hyphen or underscore."""
    rows: dict[str, list[tuple[int, Box, str]]] = defaultdict(list)
    for line in (folder / "boxes.tsv").read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "file")):
            name, order, left, top, right, bottom, *direction = line.split("\t")
            box = (int(left), int(top), int(right), int(bottom))
            rows[name].append((int(order), box, direction[0] if direction else "ltr"))
    for name, boxes in rows.items():
        kind = name.replace("-", "_").partition("_")[0]
        image = Image.open(folder / name).convert("RGB")
        yield DrawnPage(kind, image, boxes[0][2], [box for _, box, _ in sorted(boxes)])


def main() -> None:
    """Measure and print one row a kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--set", choices=list(SETS), default="comic")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--iou", type=float, default=0.8)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.pages)
    pages = pages_in(given.folder) if given.folder else drawn_pages(given.set, seeds, given.kind)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for page in pages:
        measure(page, tallies[page.kind], given.iou)
    total = Tally()
    for tally in tallies.values():
        for name, value in vars(tally).items():
            setattr(total, name, getattr(total, name) + value)
    print("| kind | pages | panels | P | R | usable | before | order | doubtful | regions | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, t in [*tallies.items(), ("all", total)]:
        print(
            f"| {name} | {t.pages} | {t.panels} | {t.right / max(1, t.found):.2f} | {t.right / max(1, t.panels):.2f}"
            f" | {t.usable / max(1, t.panels):.2f} | {t.usable_before / max(1, t.panels):.2f}"
            f" | {t.ordered / max(1, t.order_pages):.2f} | {t.doubtful / t.pages:.2f} | {t.regions / t.pages:.1f}"
            f" | {t.seconds / t.pages:.2f} |"
        )


if __name__ == "__main__":
    main()
