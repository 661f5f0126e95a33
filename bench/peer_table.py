"""From the harness's records to tables in markdown: spreads over rounds, ratios to the limit run just before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

LIMIT = "limit"
# what a row is measured beside, besides the limit: the same rows without orchestration
FLOOR = "floor"
STEPS = {
    "ingest": "Ingest",
    "unchanged": "Unchanged re-run",
    "rerun": "Unchanged, every novel run again by hand",
    "edit-insert": "One sentence inserted in a chapter",
    "edit-rewrite": "One chapter rewritten",
    "append": "One chapter appended",
    "delete-file": "One novel deleted",
    "search": "Search, top 10",
}
EDITS = ("edit-insert", "edit-rewrite", "append")
# What only the project can be asked for is compared with the nearest thing that the others do.
COMPARED_WITH = {"rerun": "unchanged"}
NAMES = {
    "limit": "limit script",
    FLOOR: "second floor",
    "morpheus": "**Morpheus Assets**",
    "llamaindex": "LlamaIndex",
    "langchain": "LangChain",
    "cocoindex": "CocoIndex",
    "haystack": "Haystack",
    "pixeltable": "Pixeltable",
}
MEDIANS = ("inputs_ok", "tokens_ok", "requests", "cpu_s", "pg_cpu_s", "rss_mb", "p95_ms", "hybrid_p50_ms")
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """A measure over rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread | None":
        """The spread of at least one value; None of none."""
        found = sorted(values)
        return cls(median(found), found[0], found[-1]) if found else None


@dataclass(frozen=True)
class Line:
    """One system at one step: seconds (a search's `work` is its p50 in ms), ratios to the limit, other medians."""

    spec: str
    step: str
    failures: int
    work: Spread | None
    wall: Spread | None
    work_ratio: Spread | None
    wall_ratio: Spread | None
    medians: Mapping[str, float]


def summarize(records: Sequence[Record]) -> list[Line]:
    """A line for each system and step, systems in the order in which they ran; failed runs are only counted.

    A ratio is to the limit's last run of the step before, so that both are of the same minutes on a noisy machine.
    """
    runs: dict[tuple[str, str], list[tuple[Record, Record | None]]] = {}
    limits: dict[str, Record] = {}
    for record in records:
        if record["peer"] == LIMIT:
            limits[record["step"]] = record
        limit = limits.get(COMPARED_WITH.get(record["step"], record["step"]))
        runs.setdefault((record["peer"], record["step"]), []).append((record, limit))
    specs = dict.fromkeys(record["peer"] for record in records)
    return [_line(spec, step, runs[spec, step]) for spec in specs for step in STEPS if (spec, step) in runs]


def _line(spec: str, step: str, runs: Sequence[tuple[Record, Record | None]]) -> Line:
    good = [(run, limit) for run, limit in runs if succeeded(run)]
    beside = [(run, limit) for run, limit in good if limit is not None and succeeded(limit)]
    return Line(
        spec,
        step,
        failures=len(runs) - len(good),
        work=Spread.of(work(run) for run, _ in good),
        wall=Spread.of(wall(run) for run, _ in good),
        work_ratio=Spread.of(work(run) / work(limit) for run, limit in beside),
        wall_ratio=Spread.of(wall(run) / wall(limit) for run, limit in beside),
        medians=_medians([run for run, _ in good], MEDIANS),
    )


def succeeded(record: Record) -> bool:
    """Whether a driver ended as it should and said what it did."""
    return record.get("rc") == 0 and not record.get("killed") and not record.get("worker_rc")


def work(record: Record) -> float:
    """Seconds without interpreter start and imports; of a search, the p50 in ms."""
    return float(record.get("p50_ms") or record.get("work_s") or record["wall_s"])


def wall(record: Record) -> float:
    """Seconds of the whole process; of a search, the p50 in ms, for the process asks two hundred times."""
    return float(record.get("p50_ms") or record["wall_s"])


def name_of(spec: str) -> str:
    """What a reader calls a row of the harness, given as NAME[:tuned][+ENV=VALUE]."""
    head, *extras = spec.split("+")
    name, _, mode = head.partition(":")
    extras = [extra.replace("MORPHEUS_CHUNK_TOKENS=", "chunks of ") for extra in extras]
    notes = ", ".join([*([mode] if mode else []), *extras])
    return f"{NAMES.get(name, name)} ({notes})" if notes else NAMES.get(name, name)


def overview(lines: Sequence[Line]) -> str:
    """One row a system: the work of each step as a multiple of the limit's, and the inputs embedded after each edit."""
    steps = [step for step in STEPS if any((line.spec, line.step) == (LIMIT, step) for line in lines)]
    head = ["", *(STEPS[step] for step in steps), "texts embedded after the edits"]
    rows = []
    for spec in dict.fromkeys(line.spec for line in lines):
        own = {line.step: line for line in lines if line.spec == spec}
        embedded = " / ".join(_inputs(own.get(step)) for step in EDITS)
        rows.append([name_of(spec), *(_times(own.get(step)) for step in steps), embedded])
    return _table(head, rows)


def beside_floor(records: Sequence[Record]) -> str:
    """A sentence for each row whose ingest ran right after the second floor's with the same settings; "" for none."""
    ratios: dict[str, list[float]] = {}
    floors: dict[str, Record] = {}
    for record in records:
        head, _, extras = record["peer"].partition("+")
        if record["step"] != "ingest" or not succeeded(record):
            continue
        if head == FLOOR:
            floors[extras] = record
        elif extras in floors and head not in (LIMIT, FLOOR) and record.get("sections"):
            ratios.setdefault(record["peer"], []).append(work(record) / work(floors[extras]))
    spreads = {peer: Spread.of(found) for peer, found in ratios.items()}
    said = [f"{name_of(peer)} {_spread(spread)}×" for peer, spread in spreads.items()]
    return f"Ingest as a multiple of the second floor's: {', '.join(said)}." if said else ""


def details(lines: Sequence[Line]) -> str:
    """A table for each step, with seconds, ratios, inputs, requests, CPU and memory."""
    parts = []
    for step, title in STEPS.items():
        of_step = [line for line in lines if line.step == step]
        if not of_step:
            continue
        searching = step == "search"
        head = ["", "p50 ms" if searching else "work s", "× limit", *([] if searching else ["wall s", "× limit"])]
        head += (
            ["p95 ms", "hybrid p50 ms"]
            if searching
            else ["inputs", "tokens", "requests", "CPU s", "Postgres CPU s", "RSS MB"]
        )
        parts.append(f"### {title}\n\n{_table(head, [_detail(line, searching) for line in of_step])}")
    return "\n\n".join(parts)


def breakdown(records: Sequence[Record]) -> str:
    """Seconds of each section of the project's runs, medians over rounds; the two of Dagster stand last.

    Behind a stroke those of them that its main thread computed: in the others it waits, as for Postgres.
    """
    runs = [record for record in records if record.get("sections") and succeeded(record)]
    if not runs:
        return "The project was not measured."
    names = list(dict.fromkeys(name for run in runs for name in run["sections"]))
    names.sort(key=lambda name: name.startswith("dagster"))
    rows = []
    for spec, step in dict.fromkeys((run["peer"], run["step"]) for run in runs):
        same = [run for run in runs if (run["peer"], run["step"]) == (spec, step)]
        outside = [median(run[key] for run in same) for key in ("import_s", "load_s", "work_s")]
        seconds = [median(run["sections"].get(name, 0.0) for run in same) for name in names]
        cpu = [median(run["sections_cpu"].get(name, 0.0) for run in same) for name in names]
        cells = [f"{wall:.3f} / {used:.3f}" for wall, used in zip(seconds, cpu, strict=True)]
        all_threads = median(run["work_cpu_s"] for run in same)
        rows.append([name_of(spec), STEPS[step], *(f"{value:.2f}" for value in [*outside, all_threads]), *cells])
    return _table(["", "", "imports", "definitions", "work", "its CPU", *names], rows)


def _detail(line: Line, searching: bool) -> list[str]:
    medians = line.medians
    if line.work is None or line.wall is None:
        return [name_of(line.spec), "failed"]
    start = [name_of(line.spec), _spread(line.work), _spread(line.work_ratio)]
    if searching:
        return [*start, *(f"{medians[key]:.1f}" if key in medians else "–" for key in ("p95_ms", "hybrid_p50_ms"))]
    counts = [f"{medians[key]:,.0f}" for key in ("inputs_ok", "tokens_ok", "requests")]
    used = [f"{medians['cpu_s']:.1f}", f"{medians['pg_cpu_s']:.1f}", f"{medians['rss_mb']:.0f}"]
    return [*start, _spread(line.wall), _spread(line.wall_ratio), *counts, *used]


def _times(line: Line | None) -> str:
    if line is None:
        return "–"
    if line.work is None:
        return "failed"
    ratio = "–" if line.work_ratio is None else f"{_number(line.work_ratio.median)}×"
    absolute = f"{line.work.median:.0f} ms" if line.step == "search" else f"{_number(line.work.median)} s"
    return f"{ratio} ({absolute})"


def _inputs(line: Line | None) -> str:
    return "–" if line is None or line.work is None else f"{line.medians['inputs_ok']:,.0f}"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    if spread.least == spread.most:
        return _number(spread.median)
    return f"{_number(spread.median)} [{_number(spread.least)}–{_number(spread.most)}]"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _medians(runs: Sequence[Record], keys: Iterable[str]) -> dict[str, float]:
    values = {key: [run[key] for run in runs if run.get(key) is not None] for key in keys}
    return {key: median(found) for key, found in values.items() if found}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *(list(row) + [""] * (len(head) - len(row)) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
