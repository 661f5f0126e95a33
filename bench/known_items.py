"""How well what is known to be there is found, within a novel and over all: made questions, and judged ones.

    .venv/bin/python -m bench.known_items [--novels A B …] [--questions FILE …] [--mode hybrid] [--keep FOLDER]
        [--index KIND] [--save FILE] [--against FILE]

Made of 60 passages of each novel of `../shared/data`, with a fixed seed: a sentence of 10 to 30 words, and five of its
rarer words. Files of judged questions are those of `bench/questions` and `../shared/data/queries.tsv` unless named.
Half of everything is for choosing constants, the other half for reporting; the two are printed apart. `--keep` holds
the database of the library, so that a second run only asks. `--save` notes where each answer came; after a change of
a constant, or with `--index` another kind of index ("exact" for none), `--against` the same file says better or worse,
with the interval of the difference.
"""

import argparse
import asyncio
import json
import logging
import math
import resource
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from bench.deployment import SHARED_NOVELS, ingest, migrated_server, settings_in, throwaway
from morpheus_assets.domain.questions import Question
from morpheus_assets.services.evaluation.comparison import FEWEST_QUESTIONS, Comparison, compare
from morpheus_assets.services.evaluation.evaluate import Asking
from morpheus_assets.services.evaluation.made_questions import made_questions
from morpheus_assets.services.evaluation.measures import Outcome, by_kind
from morpheus_assets.services.evaluation.questions import read_questions
from morpheus_assets.services.evaluation.report import describe_table
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.evaluation.questions import novels_with_passages, passages_of_novel
from morpheus_assets.store.spaces.index_types import INDEX_TYPES
from morpheus_assets.store.spaces.indexes import ensure_index
from morpheus_assets.store.spaces.spaces import active_space

FOUR = ("pride-and-prejudice.txt", "frankenstein.txt", "dracula-latin1.txt", "moby-dick.txt")
QUESTIONS = Path(__file__).parent / "questions"
PER_NOVEL = 60
EXACT = "exact"
WORST = 10


@contextmanager
def kept(folder: Path | None) -> Iterator[Settings]:
    """Settings over a library in `folder`, which stays; in a temporary one without."""
    if folder is None:
        with throwaway() as settings:
            yield settings
        return
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    with migrated_server(folder / "pg") as server:
        yield settings_in(folder, server)


@contextmanager
def indexed(engine: Engine, kind: str | None) -> Iterator[None]:
    """With an index of `kind` over the active space's vectors ("exact": none); the usual one is there afterwards."""
    row = active_space(engine, "text")
    if kind is None or row is None:
        yield
        return
    # Searches go by what the space's row says.
    set_kind = f"UPDATE embedding_spaces SET index_kind = %s WHERE id = {row.id}"
    try:
        if kind != EXACT:
            ensure_index(engine, row, smallest=1, rebuild=True, index_type=INDEX_TYPES[kind])
        else:
            with engine.begin() as connection:
                connection.exec_driver_sql(set_kind, (None,))
        yield
    finally:
        if kind != EXACT:
            ensure_index(engine, row, rebuild=True)
        else:
            with engine.begin() as connection:
                connection.exec_driver_sql(set_kind, (row.index_kind,))


def halves(engine: Engine, files: Sequence[Path]) -> dict[str, list[Question]]:
    """Questions by half; of made ones every second passage, of a judged file what its name says."""
    found: dict[str, list[Question]] = defaultdict(list)
    for file in files:
        found[file.stem] += read_questions(file.read_text(encoding="utf-8"), file.name).questions
    stored = novels_with_passages(engine)
    for novel in (Path(name).stem for name in FOUR):
        if novel in stored:
            made = made_questions(passages_of_novel(engine, novel), PER_NOVEL)
            for place, question in enumerate(made):
                found["choosing" if place // 2 % 2 == 0 else "unseen"].append(question)
    return found


async def ask(
    engine: Engine, settings: Settings, questions: Sequence[Question], mode: str, *, within: bool
) -> tuple[list[Outcome], float, float]:
    """Outcomes of the active space; milliseconds of a question, and CPU milliseconds of this process of one."""
    row = active_space(engine, "text")
    if row is None:
        raise SystemExit("Nothing is embedded.")
    async with Asking(engine, settings, row, questions, mode) as asking:
        started, used = time.perf_counter(), _cpu()
        outcomes = [await asking.ask(question, within_novel=within) for question in asking.known]
    many = max(1, len(outcomes))
    return outcomes, 1000 * (time.perf_counter() - started) / many, 1000 * (_cpu() - used) / many


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Outcomes of one part as JSON, for `read_stored` of a later run."""
    return json.dumps([outcome.as_json() for outcome in outcomes], ensure_ascii=False)


def read_stored(text: str) -> list[Outcome]:
    """Outcomes as `as_json` wrote them: enough to compare with."""
    return [
        Outcome(
            Question(each["question"], each["novel"], kind=each["kind"]),
            "chapter" in each["ranks"], "passage" in each["ranks"],
            each["ranks"].get("chapter"), each["ranks"].get("passage"),
        )
        for each in json.loads(text)
    ]  # fmt: skip


def judgement(found: Comparison) -> str:
    """What a comparison of after with before says of the change."""
    if found.questions < FEWEST_QUESTIONS:
        said = f"too few to judge by, {FEWEST_QUESTIONS} are needed"
    else:
        said = "worse" if found.is_worse else "better" if found.low > 0 else "neither better nor worse beyond doubt"
    return f"{found}: {said}"


def interval(share: float, asked: int) -> tuple[float, float]:
    """The 95 % interval of a share of some questions (Wilson, JASA 22, 1927)."""
    z = 1.96
    middle = (share + z * z / (2 * asked)) / (1 + z * z / asked)
    half = z * math.sqrt(share * (1 - share) / asked + z * z / (4 * asked * asked)) / (1 + z * z / asked)
    return max(0.0, middle - half), min(1.0, middle + half)


def describe_intervals(outcomes: Sequence[Outcome]) -> str:
    """For each kind the shares at 1 and 5 with their 95 % intervals."""
    lines = []
    for kind, found in by_kind(outcomes).items():
        shares = (("@1", found.recall_1), ("@5", found.recall_5))
        told = [
            "{} {:.3f} ({:.3f} to {:.3f})".format(name, share, *interval(share, found.questions))
            for name, share in shares
        ]
        lines.append(f"{kind}, {found.questions} asked, 95 %: {'; '.join(told)}")
    return "\n".join(lines)


def describe_worst(outcomes: Sequence[Outcome]) -> str:
    """The judged questions whose answers come last, with where they came and what came first instead."""
    judged = sorted((outcome for outcome in outcomes if outcome.question.passage is None), key=lambda each: each.score)
    lines = [
        f"- {each.question.question} ({each.question.novel}): "
        + ", ".join(f"{answer} {rank or 'not among ten'}" for answer, rank in each.ranks.items())
        + (f"\n    instead: {each.instead}" if each.instead else "")
        for each in judged[:WORST]
    ]
    return "\n".join(lines)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--novels", nargs="*", default=FOUR)
    parser.add_argument("--questions", nargs="*", type=Path)
    parser.add_argument("--mode", default="hybrid", choices=["hybrid", "vector", "text"])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--index", choices=[EXACT, *INDEX_TYPES])
    parser.add_argument("--save", type=Path)
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    before = json.loads(options.against.read_text(encoding="utf-8")) if options.against else {}
    after: dict[str, str] = {}
    logging.disable(logging.INFO)
    files = options.questions or [*sorted(QUESTIONS.glob("*.tsv")), SHARED_NOVELS.parent / "queries.tsv"]
    with kept(options.keep) as settings:
        engine = open_engine(str(settings.database_url.get_secret_value()) if settings.database_url else "")
        stored = novels_with_passages(engine)
        for name in options.novels:
            if Path(name).stem not in stored:
                shutil.copy(SHARED_NOVELS / name, settings.novels_folder / name)
                ingest(settings, Path(name).stem)
        with indexed(engine, options.index):
            for half, questions in halves(engine, files).items():
                for within in (True, False):
                    outcomes, wall, cpu = asyncio.run(ask(engine, settings, questions, options.mode, within=within))
                    where = "within the novel" if within else f"over {len(novels_with_passages(engine))} novels"
                    part = f"{half}, {where}, {options.mode}"
                    after[part] = as_json(outcomes)
                    print(f"\n{part}: {wall:.0f} ms, {cpu:.1f} ms CPU of the client")
                    print(f"{describe_table('kind', by_kind(outcomes))}\n{describe_intervals(outcomes)}")
                    print(f"answered worst:\n{describe_worst(outcomes)}", flush=True)
                    if part in before:
                        earlier = read_stored(before[part])
                        judged = [outcome for outcome in outcomes if outcome.question.passage is None]
                        print(f"against {options.against}, all: {judgement(compare(outcomes, earlier))}")
                        print(f"against {options.against}, judged: {judgement(compare(judged, earlier))}")
        engine.dispose()
    if options.save:
        options.save.write_text(json.dumps(after, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
