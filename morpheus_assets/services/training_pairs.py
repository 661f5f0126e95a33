"""Export of training pairs: what may be asked, splits by novel, and files that trainers read."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from morpheus_assets.domain.questions import StoredPassage
from morpheus_assets.insight.training_pairs import (
    NEGATIVES,
    PairPassage,
    asked_of,
    is_asked,
    split_of,
    without_sentence,
    work_of,
)
from morpheus_assets.services.content_location import training_source
from morpheus_assets.services.evaluation.made_questions import made_questions
from morpheus_assets.services.evaluation.question_files import read_question_files
from morpheus_assets.services.evaluation.questions import read_questions
from morpheus_assets.services.evaluation.quotations import NovelText, holds
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import FileUnreadable
from morpheus_assets.store.content.novels import list_novels
from morpheus_assets.store.insight.means import passage_bodies
from morpheus_assets.store.insight.training_pairs import load_pairs

_MOST_BYTES = 10_000_000
SPLITS = {"train": 80, "validation": 10, "test": 10}
TRAINED = ("anchor", "positive", *(f"negative_{number}" for number in range(1, NEGATIVES + 1)))
"""The columns that a trainer takes, in the order in which sentence-transformers wants them."""
_COLUMNS = (*TRAINED, "novel", "title", "author", "chapter", "kind", "split", "licence")


@dataclass(frozen=True)
class Exported:
    """What an export wrote: rows by split, and the file of each."""

    rows: dict[str, int]
    files: dict[str, Path]


def evaluated_questions(settings: Settings, novel: str, passages: Sequence[PairPassage]) -> set[str]:
    """Every text that an evaluation asks or quotes of a novel: judged questions and those that may be made."""
    asked: set[str] = set()
    for question in read_question_files(settings).questions:
        asked |= {question.question, question.quotation}
    stored = [StoredPassage(novel, passage.content_hash, passage.body) for passage in passages]
    asked |= {question.question for question in made_questions(stored, len(stored))}
    return asked - {""}


def judged_pairs(
    settings: Settings, novel: str, text: str, places: Sequence[tuple[int, int, bytes]]
) -> tuple[list[tuple[str, bytes]], list[str]]:
    """A person's questions for training, each with the passage that holds its quotation, and what is wrong with others.

    They stand in `content/training/<novel>.tsv`, with the columns `question` and `quotation`. `places` are where the
    passages begin and end in the novel's text, and their hashes.
    """
    source = training_source(settings)
    path = f"{novel}.tsv"
    try:
        data = source.read(path, _MOST_BYTES)
    except FileUnreadable as fault:
        return [], [str(fault)]
    if data is None:
        return [], []
    name = source.display_name(path)
    read = read_questions(data.decode("utf-8", "replace"), name, novel)
    plain, pairs, faults = NovelText(text), [], list(read.faults)
    for question in read.questions:
        spans = plain.find(question.quotation) if question.quotation else []
        held = [content_hash for start, end, content_hash in places if holds(start, end, spans)]
        if held:
            pairs.append((question.question, held[0]))
        else:
            faults.append(f"{name}: no passage holds the quotation {question.quotation!r} of {question.question!r}.")
    return pairs, faults


def export_pairs(
    engine: Engine,
    folder: Path,
    form: str,
    novels: Sequence[str] = (),
    licence: str = "unknown",
    never: Collection[str] = (),
) -> Exported:
    """Write the stored pairs of all novels, or of those named, into one file a split, `<split>.<form>`.

    Rows have the columns of TRAINED, as sentence-transformers reads them, and behind them where they come from. The
    positive lacks the sentence that asks; where there are fewer negatives the last one is repeated, and a pair without
    any is left out. `form` is "parquet" or "jsonl"; `licence` is written into every row. `never` are questions that an
    evaluation asks by now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, object]]] = {split: [] for split in SPLITS}
    for row in _rows(engine, novels, licence, asked_of(never)):
        rows[str(row["split"])].append(row)
    files = {split: folder / f"{split}.{form}" for split, found in rows.items() if found}
    for split, file in files.items():
        (_write_parquet if form == "parquet" else _write_jsonl)(file, rows[split])
    return Exported({split: len(rows[split]) for split in files}, files)


def _rows(engine: Engine, novels: Sequence[str], licence: str, never: Collection[str]) -> Iterator[dict[str, object]]:
    for summary in list_novels(engine, list(novels) or None):
        pairs = load_pairs(engine, summary.novel)
        hashes = {value for pair in pairs for value in (pair.positive, *pair.negatives)}
        bodies = passage_bodies(engine, sorted(hashes))
        for pair in pairs:
            negatives = [" ".join(bodies[value].split()) for value in pair.negatives if value in bodies]
            if pair.positive not in bodies or not negatives or is_asked(pair.question, never):
                continue
            values = (
                pair.question,
                without_sentence(bodies[pair.positive], pair.question),
                *negatives,
                *negatives[-1:] * (NEGATIVES - len(negatives)),
                summary.novel,
                summary.title,
                summary.author,
                pair.chapter,
                pair.kind,
                split_of(work_of(summary.novel, summary.title, summary.author), SPLITS),
                licence,
            )
            yield dict(zip(_COLUMNS, values, strict=True))


def _write_jsonl(file: Path, rows: Sequence[dict[str, object]]) -> None:
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_parquet(file: Path, rows: Sequence[dict[str, object]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.int32() if name == "chapter" else pa.string()) for name in _COLUMNS])
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), file, compression="zstd")
