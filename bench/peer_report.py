"""Tables and picture of the last `make bench`, written beside its figures; with --publish also into bench/README.md.

python -m bench.peer_report [--publish]
"""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.peer_table import beside_floor, breakdown, details, overview, summarize
from bench.picture import draw

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "bench" / "results"
PICTURE = PROJECT / "deploy" / "pictures" / "beside_peers.png"
START, END = "<!-- measured: kept by `python -m bench.peer_report --publish` -->", "<!-- end of measured -->"


def write_report(measured: Mapping[str, Any], folder: Path) -> None:
    """Write beside_peers.md and .png for `measured`, which holds `conditions` and `records`."""
    records = measured["records"]
    lines = summarize(records)
    note = in_words(measured["conditions"], max(record["round"] for record in records))
    parts = [
        "# Beside the limit script and the peers",
        note,
        overview(lines),
        *filter(None, [beside_floor(records)]),
        "## Where the project's time goes, in seconds",
        breakdown(records),
        "## Every step",
        details(lines),
    ]
    (folder / "beside_peers.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    draw(lines, folder / "beside_peers.png", "dark: work; light: whole process, with start and imports. " + note)


def in_words(conditions: Mapping[str, Any], rounds: int) -> str:
    """When, where and how often it was measured."""
    return (
        f"{conditions['at']}, {conditions['cores']} cores, load {conditions['load']:.1f} at the start,"
        f" Python {conditions['python']}, Dagster {conditions['dagster']}, {rounds} round{'s' if rounds > 1 else ''}."
    )


def publish(folder: Path, page: Path, picture: Path) -> None:
    """Copy the picture, and put the overview between the page's two marks; raises ValueError when they are gone."""
    note, table = (folder / "beside_peers.md").read_text(encoding="utf-8").split("\n\n")[1:3]
    text = page.read_text(encoding="utf-8")
    if START not in text or END not in text:
        raise ValueError(f"{page} lacks the lines {START} and {END}; put them where the table belongs.")
    between = re.compile(f"{re.escape(START)}.*{re.escape(END)}", re.DOTALL)
    page.write_text(between.sub(lambda _: f"{START}\n{table}\n\n{note}\n{END}", text), encoding="utf-8")
    shutil.copy(folder / "beside_peers.png", picture)


def main() -> None:
    measured = json.loads((RESULTS / "beside_peers.json").read_text(encoding="utf-8"))
    write_report(measured, RESULTS)
    if "--publish" in sys.argv:
        publish(RESULTS, PROJECT / "bench" / "README.md", PICTURE)
    print((RESULTS / "beside_peers.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
