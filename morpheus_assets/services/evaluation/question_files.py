"""The files of questions in the content, `questions/*.tsv`: which there are, what they hold, and taking them in."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine

from morpheus_assets.domain.questions import Question
from morpheus_assets.services.content_location import questions_source
from morpheus_assets.services.evaluation.questions import read_questions
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import Entry, FileUnreadable, RootMissing, Source, is_hidden
from morpheus_assets.store.evaluation.questions import replace_questions

_MOST_BYTES = 10_000_000
_SUFFIX = ".tsv"


@dataclass(frozen=True)
class QuestionFiles:
    """The questions by file, and a sentence for each file or line that is none."""

    files: dict[str, tuple[Question, ...]]
    faults: tuple[str, ...]

    @property
    def questions(self) -> list[Question]:
        """All questions, by file and line."""
        return [question for _, questions in sorted(self.files.items()) for question in questions]


def seen_questions(settings: Settings) -> str:
    """What changes whenever a file of questions does; empty without any. Raises sources.base.ContentUnreadable."""
    marks = [
        f"{entry.path} {entry.size} {entry.mtime_ns} {entry.mark}" for entry in _entries(questions_source(settings))
    ]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16] if marks else ""


def read_question_files(settings: Settings) -> QuestionFiles:
    """Every file of questions; one that cannot be read is named and the others are taken."""
    source = questions_source(settings)
    files: dict[str, tuple[Question, ...]] = {}
    faults: list[str] = []
    for entry in _entries(source):
        try:
            data = source.read(entry.path, _MOST_BYTES)
        except FileUnreadable as fault:
            faults.append(str(fault))
            continue
        if data is None:
            faults.append(f"{source.display_name(entry.path)} is larger than {_MOST_BYTES // 1_000_000} MB; split it.")
            continue
        read = read_questions(data.decode("utf-8", "replace"), entry.path)
        files[entry.path] = tuple(read.questions)
        faults += read.faults
    return QuestionFiles(files, tuple(faults))


def take_in_questions(engine: Engine, settings: Settings) -> QuestionFiles:
    """Read the files of questions and store what they hold, in place of what was stored."""
    found = read_question_files(settings)
    replace_questions(engine, found.files)
    return found


def _entries(source: Source) -> Iterable[Entry]:
    try:
        found = source.names()
    except RootMissing:
        # nobody has to write questions
        return []
    return [each for each in found if each.path.lower().endswith(_SUFFIX) and not is_hidden(each.path)]
