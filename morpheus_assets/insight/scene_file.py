"""Scenes that a person confirmed: `scenes.tsv` beside a novel's pages, a page a line; a bad line is named, left out.

page, chapter, quotation, tab-separated. The page is a file's path in the folder, and behind it an entry of an archive:
`vol1.cbz/003.png`; the chapter its number as search shows it; the quotation, which may be left out, a sentence of it.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConfirmedScene:
    """The chapter that a page shows, and words of the sentence that it shows ("" where nobody said)."""

    chapter: int
    quotation: str = ""


@dataclass(frozen=True)
class ConfirmedScenes:
    """What a person said, by page, and what is wrong with the other lines."""

    scenes: dict[str, ConfirmedScene] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_scenes(data: bytes, name: str) -> ConfirmedScenes:
    """The scenes of a file; never raises."""
    scenes: dict[str, ConfirmedScene] = {}
    problems = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or line.startswith("#") or (number == 1 and cells[0].lower() == "page"):
            continue
        try:
            page, chapter = cells[0], int(cells[1])
        except (ValueError, IndexError):
            problems.append(
                f"{name}, line {number}, is not a page and a chapter's number with a tab between: it was left out."
            )
            continue
        if page in scenes:
            problems.append(f"{name}, line {number}, names {page} again: the first line counts.")
            continue
        scenes[page] = ConfirmedScene(chapter, cells[2] if len(cells) > 2 else "")
    return ConfirmedScenes(scenes, tuple(problems))
