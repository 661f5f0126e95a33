"""Questions with known answers, as a person writes them: tab-separated files with a header.

The columns are `question`, `novel`, `chapters` (accepted numbers, separated by semicolons), `quotation` (words of the
passage that answers) and `kind`; of `chapters` and `quotation` one may be empty, `kind` may be left out.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from morpheus_assets.domain.questions import JUDGED, Question

_COLUMNS = ("question", "novel", "chapters", "quotation", "kind")
_NEEDED = ("question", "novel")
# Former names of columns, as in files that were written for the benchmarks.
_ALIASES = {
    "query": "question",
    "novel_file": "novel",
    "accepted_chapter_ordinals": "chapters",
    "evidence": "quotation",
}


@dataclass(frozen=True)
class QuestionFile:
    """What a file of questions holds; `faults` are its lines that are none, a sentence each."""

    questions: Sequence[Question]
    faults: Sequence[str]


def read_questions(text: str, name: str, novel: str = "") -> QuestionFile:
    """The questions of a file's decoded text; a line at fault is named and the others are taken.

    A file that belongs to one `novel` needs no column of that name.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = [_ALIASES.get(column.strip(), column.strip()) for column in next(reader, [])]
    missing = [column for column in _NEEDED if column not in header and not (novel and column == "novel")]
    if missing or not {"chapters", "quotation"} & set(header):
        needed = "question, novel, and chapters or quotation"
        return QuestionFile((), (f"{name}: its first line must name the columns {needed}, separated by tabs.",))
    unknown = [column for column in header if column not in _COLUMNS]
    questions, faults = [], [f"{name}: the column {column!r} is not known and not read." for column in unknown]
    for number, cells in enumerate(reader, 2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            questions.append(_question({**row, "novel": novel} if novel else row))
        except ValueError as fault:
            faults.append(f"{name}, line {number}: {fault}")
    return QuestionFile(tuple(questions), tuple(faults))


def _question(row: dict[str, str]) -> Question:
    for column in _NEEDED:
        if not row.get(column):
            raise ValueError(f"the {column} is empty.")
    written = row.get("chapters", "").replace(",", ";").split(";")
    try:
        chapters = frozenset(int(number) for number in written if number.strip())
    except ValueError:
        raise ValueError(f"{row['chapters']!r} are no chapter numbers; write 3, or 16;17.") from None
    if not chapters and not row.get("quotation"):
        raise ValueError("give the chapters that answer, or a quotation of the passage that does.")
    novel = row["novel"].removesuffix(".txt").removesuffix(".md")
    return Question(row["question"], novel, chapters, row.get("quotation", ""), row.get("kind") or JUDGED)
