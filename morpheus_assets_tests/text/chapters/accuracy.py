"""Prints how well chapters are found: `python -m morpheus_assets_tests.text.chapters.accuracy [--styles]`."""

import csv
import sys
import time
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from morpheus_assets.text.chapters.find import Chapter, find_chapters
from morpheus_assets.text.documents import Document
from morpheus_assets_tests.fixtures.shared_data import SHARED_DATA, shared_document
from morpheus_assets_tests.text.chapters.heading_styles import CJK_STYLES, STYLES, TITLE_STYLES, Style
from morpheus_assets_tests.text.chapters.made_books import LAYOUTS, MadeBook, make_book

Place = tuple[object, ...] | int


class Score(NamedTuple):
    """True chapters, those found, and chapters found where there is none."""

    true: int
    found: int
    false: int

    @property
    def perfect(self) -> bool:
        """Nothing missed, nothing false."""
        return self.found == self.true and self.false == 0


def score(found: Iterable[Place], true: Collection[Place]) -> Score:
    """Compares places; line numbers may differ by one."""
    left = set(true)
    hits = false = 0
    for place in found:
        near = [place, place - 1, place + 1] if isinstance(place, int) else [place]
        match = next((candidate for candidate in near if candidate in left), None)
        if match is None:
            false += 1
        else:
            left.discard(match)
            hits += 1
    return Score(len(true), hits, false)


@cache
def score_novel(path: Path, truth: Path) -> tuple[Score, float]:
    """The score for one of the shared novels, and the CPU seconds that finding its chapters took."""
    document = shared_document(path)
    with truth.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    started = time.process_time()
    chapters = chapters_of(document)
    seconds = time.process_time() - started
    positions = [document.source_position(chapter.char_start) for chapter in chapters]
    if path.suffix == ".epub":
        true = {(int(row["spine_index"]), row["href"]) for row in rows}
        return score([(p.spine_index, p.href) for p in positions], true), seconds
    return score([p.line for p in positions], {int(row["line"]) for row in rows}), seconds


def score_made(book: MadeBook) -> Score:
    """The score for a made-up book."""
    document = Document(text=book.text, format="txt", encoding="utf-8")
    return score([chapter.line for chapter in chapters_of(document)], book.lines)


def chapters_of(document: Document) -> list[Chapter]:
    """The true chapters only: no front or back matter, no sections."""
    return [chapter for chapter in find_chapters(document) if chapter.kind == "chapter"]


def applies(style: str, layout: str) -> bool:
    """Whether a reader of the page could find the chapters at all."""
    if style in TITLE_STYLES:
        # Without contents or extra blank lines a title is a short line like any other.
        has_list = bool(LAYOUTS[layout].contents)
        return has_list or (LAYOUTS[layout].before > 1 and LAYOUTS[layout].blank_lines)
    return not (style in ("BOOK I", "SCENE I. Place.") and LAYOUTS[layout].parts > 1)


def all_styles() -> dict[str, tuple[Style, bool]]:
    """Every style with whether its prose is Chinese."""
    western = {name: (style, False) for name, style in (STYLES | TITLE_STYLES).items()}
    return western | {name: (style, True) for name, style in CJK_STYLES.items()}


def main() -> None:
    """Prints the tables."""
    novels = SHARED_DATA / "novels"
    print(f"{'file':40} {'true':>5} {'found':>6} {'missed':>6} {'false':>6} {'seconds':>8}")
    for truth in sorted((SHARED_DATA / "chapters").glob("*.tsv")):
        result, seconds = score_novel(novels / truth.stem, truth)
        missed = result.true - result.found
        print(f"{truth.stem:40} {result.true:5} {result.found:6} {missed:6} {result.false:6} {seconds:8.2f}")
    if "--styles" in sys.argv:
        for name, (style, chinese) in all_styles().items():
            failed = []
            tried = [layout for layout in LAYOUTS if applies(name, layout)]
            for layout in tried:
                result = score_made(make_book(style, LAYOUTS[layout], chinese=chinese))
                if not result.perfect:
                    failed.append(f"{layout} ({result.found}/{result.true}, {result.false} false)")
            print(f"{name:32} {len(tried) - len(failed):3}/{len(tried):<3} {'; '.join(failed)}")


if __name__ == "__main__":
    main()
