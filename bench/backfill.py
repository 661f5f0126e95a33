"""Backfills of many novels as the UI launches them: overhead per novel, progress, cancel, poison, scattered, dropped.

    .venv/bin/python -m bench.backfill --novels 100,1000 [--only size,cancel,poisoned,dropped,scattered]

On a real `morpheus up` with a fake provider. The limit is the same content through the same functions, called plainly
in one process (bench.plain_ingest); overhead per novel = (wall - limit) / novels.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.backfill_watch import EMBEDDED, Watch
from bench.running_project import RunningProject, running_project, until
from morpheus_assets.settings import PROJECT_FOLDER

WORDS = ["lantern", "harbour", "storm", "letter", "garden", "river", "stone", "bread", "window", "winter", "horse"]
SEARCHABLE = (
    "SELECT count(*) FROM novels n WHERE novel LIKE %s AND EXISTS (SELECT FROM chunks c WHERE c.novel_id = n.id)"
    " AND NOT EXISTS (SELECT FROM chunks c LEFT JOIN embeddings_1 e USING (content_hash)"
    " WHERE c.novel_id = n.id AND e.content_hash IS NULL)"
)


def novel_text(seed: str, *, extra: str = "") -> str:
    """Two chapters of some five chunks each; no passage occurs in two novels."""
    chance = random.Random(seed)
    parts = []
    for chapter in (1, 2):
        parts.append(f"CHAPTER {chapter}")
        for _ in range(7):
            sentences = [" ".join(chance.choices(WORDS, k=12)).capitalize() + "." for _ in range(11)]
            parts.append(" ".join(sentences))
    return "\n\n".join([*parts, extra]) + "\n"


def write_novels(folder: Path, prefix: str, count: int) -> list[str]:
    """Files for `count` novels; their keys in order."""
    names = [f"{prefix}-{number:04}" for number in range(count)]
    for name in names:
        (folder / f"{name}.txt").write_text(novel_text(name), encoding="utf-8")
    return names


def limit_of(project: RunningProject, database: str, novels: Sequence[str]) -> tuple[float, float]:
    """Seconds, and seconds of CPU, of the same novels without Dagster, in a database of their own on the server."""
    project.rows(f"CREATE DATABASE {database}")
    before = project.cpu()
    url = project.database_url(database)
    done = subprocess.run(
        [sys.executable, "-m", "bench.plain_ingest", url, str(project.novels_folder), *novels],
        cwd=PROJECT_FOLDER,
        env=project.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    wall, worked = done.stdout.split()
    # the server's part; it holds what the idle project used meanwhile, too
    return float(wall), float(worked) + project.cpu() - before


def say(label: str, text: object) -> None:
    print(f"{label:<34} {text}", flush=True)


def whole_backfill(project: RunningProject, count: int) -> None:
    """All of `count` new novels in one backfill, beside the limit."""
    novels = write_novels(project.novels_folder, f"size{count}", count)
    project.add_partitions(novels)
    limit, limit_cpu = limit_of(project, f"plain_{count}", novels)
    before = project.cpu()
    watch = Watch(project, project.launch_backfill(novels))
    wall = watch.until_ended(3600)
    cpu = project.cpu() - before
    searchable = project.rows(SEARCHABLE, [f"size{count}-%"])[0][0]
    say(f"{count} novels", f"{watch.seen[-1][1]['status']}, {searchable} searchable; load {os.getloadavg()[0]:.1f}")
    say("  runs", watch.runs())
    say("  wall / limit", f"{wall:.1f} s / {limit:.1f} s")
    say("  overhead per novel", f"{(wall - limit) / count:.3f} s")
    work = watch.at_work()
    say("  first run queued to last ended", f"{work:.1f} s: overhead per novel {(work - limit) / count:.3f} s")
    say("  CPU per novel / plain", f"{cpu / count:.3f} s / {limit_cpu / count:.3f} s (whatever else the machine does)")
    events = watch.events()
    say("  events", f"{sum(events.values())} ({sum(events.values()) / count:.1f} a novel): {events}")
    say("  progress (novels/embedded)", watch.progress())


def cancelled(project: RunningProject, count: int) -> None:
    """Cancel in the middle, then launch what is missing: nothing is paid for twice."""
    novels = write_novels(project.novels_folder, "cancel", count)
    project.add_partitions(novels)
    before = project.provider_stats()
    watch = Watch(project, project.launch_backfill(novels))
    # not by the backfill's page: Dagster counts for it every 30 s only, and by then all are done
    until(lambda: project.rows(SEARCHABLE, ["cancel-%"])[0][0] >= count // 10, 1800, "a tenth of the novels", 0.5)
    project.cancel(watch.backfill_id)
    asked = time.monotonic()
    watch.until_ended(300)
    took = time.monotonic() - asked
    kept = watch.counts()[EMBEDDED][1]
    in_store = project.rows(SEARCHABLE, ["cancel-%"])[0][0]
    say(f"cancel at {count // 10} of {count}", f"{watch.seen[-1][1]['status']} after {took:.1f} s; {watch.runs()}")
    say("  kept", f"{kept} shown as embedded, {in_store} searchable")
    left = not_embedded(project, novels)
    if not left:
        return
    again = Watch(project, project.launch_backfill(left))
    wall = again.until_ended(1800)
    after = project.provider_stats()
    paid = after["inputs"] - before["inputs"]
    twice = after["repeated_inputs"] - before["repeated_inputs"]
    say("  the rest", f"{again.seen[-1][1]['status']} in {wall:.1f} s; {again.runs()}")
    say("  paid", f"{paid} inputs, {twice} of them twice; {project.rows(SEARCHABLE, ['cancel-%'])[0][0]} searchable")


def poisoned(project: RunningProject, count: int) -> None:
    """One novel with a passage that the provider refuses, one with a broken file, among healthy ones."""
    novels = write_novels(project.novels_folder, "poison", count)
    (project.novels_folder / f"{novels[7]}.txt").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 400)
    refused = novel_text(novels[20], extra="Here stands a poisoned passage [[broken]] that no provider takes.")
    (project.novels_folder / f"{novels[20]}.txt").write_text(refused, encoding="utf-8")
    project.add_partitions(novels)
    watch = Watch(project, project.launch_backfill(novels))
    wall = watch.until_ended(1800)
    say(f"2 poisoned of {count}", f"{watch.seen[-1][1]['status']} in {wall:.1f} s; {watch.runs()}")
    say("  (targeted, materialized, failed)", watch.counts())
    done = {
        row[0]
        for row in project.dagster_rows(
            "SELECT e.partition FROM event_logs e JOIN run_tags t ON t.run_id = e.run_id WHERE t.key ="
            " 'dagster/backfill' AND t.value = %s AND e.dagster_event_type = 'ASSET_MATERIALIZATION'"
            " AND e.asset_key LIKE %s",
            [watch.backfill_id, '%"text_embeddings"%'],
        )
    }
    say("  not embedded", sorted(set(novels) - done))
    for key, reason in project.rows("SELECT novel, refused_reason FROM novels WHERE refused_reason IS NOT NULL"):
        say(f"  {key}", reason)
    for (reason,) in project.rows("SELECT reason FROM refused_inputs"):
        say("  refused input", reason)


def dropped(project: RunningProject, count: int) -> list[str]:
    """All files at once into the folder, until every novel can be searched; the novels."""
    project.switch_sensors(on=True)
    held = project.folder / "held"
    held.mkdir()
    novels = write_novels(held, "drop", count)
    started = time.monotonic()
    for name in novels:
        (held / f"{name}.txt").rename(project.novels_folder / f"{name}.txt")
    steps: list[tuple[float, int]] = []

    def all_searchable() -> bool:
        found = project.rows(SEARCHABLE, ["drop-%"])[0][0]
        if not steps or steps[-1][1] != found:
            steps.append((time.monotonic() - started, found))
        return bool(found == count)

    wall = until(all_searchable, 3600, "every dropped novel searchable", 1.0)
    runs = project.dagster_rows("SELECT status, count(*) FROM runs WHERE pipeline_name = 'ingest_novels' GROUP BY 1")
    say(f"{count} dropped", f"all searchable after {wall:.1f} s, {wall / count:.3f} s a novel; runs {runs}")
    shown = steps[:: max(1, len(steps) // 8)]
    say("  progress", ", ".join(f"{second:.0f} s {found}" for second, found in shown))
    idle = "SELECT count(*) FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
    until(lambda: project.dagster_rows(idle)[0][0] == 0, 600, "the end of the last run", 1.0)
    project.switch_sensors(on=False)
    return novels


def scattered(project: RunningProject, novels: Sequence[str], by_hand: int = 20) -> None:
    """Every second novel of a whole library lacks its vectors: a backfill of those, and the job that bridges gaps."""
    wanted = novels[::2]
    project.rows(
        "DELETE FROM embeddings_1 WHERE content_hash IN (SELECT c.content_hash FROM chunks c"
        " JOIN novels n ON n.id = c.novel_id WHERE n.novel = ANY(%s))",
        [list(wanted)],
    )
    few = wanted[:by_hand]
    watch = Watch(project, project.launch_backfill(few))
    wall = watch.until_ended(3600)
    say(f"{len(few)} scattered, as a backfill", f"{wall:.1f} s, {wall / len(few):.3f} s a novel; {watch.runs()}")
    started = time.monotonic()
    run = project.launch_job("ingest_unfinished")
    until(lambda: project.dagster_rows("SELECT status FROM runs WHERE run_id = %s", [run])[0][0] == "SUCCESS", 300, run)
    watch = Watch(project, project.latest_backfill())
    watch.until_ended(3600)
    wall = time.monotonic() - started
    left = len(wanted) - len(few)
    say(f"{left} scattered, by the job", f"{wall:.1f} s, {wall / left:.3f} s a novel; {watch.runs()}")
    say("  whole", f"{project.rows(SEARCHABLE, ['drop-%'])[0][0]} of {len(novels)} searchable")


def not_embedded(project: RunningProject, novels: Sequence[str]) -> list[str]:
    """The novels that the asset of the embeddings shows as missing: what the dialog offers to select."""
    rows = project.dagster_rows(
        "SELECT DISTINCT partition FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        " AND asset_key LIKE %s",
        ['%"text_embeddings"%'],
    )
    done = {row[0] for row in rows}
    return [novel for novel in novels if novel not in done]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--novels", default="100,1000")
    parser.add_argument("--only", default="size,cancel,poisoned,dropped,scattered")
    parser.add_argument("--latency-ms", type=float, default=50)
    arguments = parser.parse_args()
    # what was started is ended also when the bench is told to stop
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sizes = [int(size) for size in arguments.novels.split(",")]
    chosen = arguments.only.split(",")
    # a budget that nothing reaches: the limit is what the machine can do, not what a minute allows
    budget = {"MORPHEUS_REQUESTS_PER_MINUTE": "1000000", "MORPHEUS_TOKENS_PER_MINUTE": "1000000000"}
    with running_project(latency_ms=arguments.latency_ms, options="broken=400", **budget) as project:
        project.switch_sensors(on=False)
        if "size" in chosen:
            for count in sizes:
                whole_backfill(project, count)
        if "cancel" in chosen:
            cancelled(project, 1000)
        if "poisoned" in chosen:
            poisoned(project, min(120, sizes[-1]))
        if "dropped" in chosen or "scattered" in chosen:
            novels = dropped(project, sizes[-1])
            if "scattered" in chosen:
                scattered(project, novels)


if __name__ == "__main__":
    main()
