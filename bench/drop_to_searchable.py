"""Where the time goes between dropping a novel's file and finding its passages, with a warm daemon.

    .venv/bin/python -m bench.drop_to_searchable [novels]

Starts `morpheus up` in a folder of its own, with a fake provider at 100 ms, drops one novel after the other, and reads
the stages off Dagster's run records: noticed (the sensor made the run), started (its process runs), searchable, ended.
"""

import random
import statistics
import sys
import time

from bench.running_project import RunningProject, running_project

WORDS = ["harbour", "lantern", "winter", "cathedral", "whisper", "orchard", "thunder", "parchment", "meadow"]
STORED = (
    "SELECT count(*), count(e.content_hash) FROM chunks c JOIN novels n ON n.id = c.novel_id"
    " LEFT JOIN embeddings_1 e USING (content_hash) WHERE n.novel = %s"
)
RUN = (
    "SELECT extract(epoch FROM create_timestamp AT TIME ZONE 'UTC'), start_time, end_time FROM runs"
    " WHERE partition = %s"
)


def novel(seed: int) -> str:
    chance = random.Random(seed)
    chapters = []
    for chapter in range(1, 21):
        paragraphs = [" ".join(chance.choices(WORDS, k=90)).capitalize() + "." for _ in range(12)]
        chapters.append(f"CHAPTER {chapter}\n\n" + "\n\n".join(paragraphs))
    return "\n\n".join(chapters) + "\n"


def stage_times(project: RunningProject, name: str, dropped: float) -> dict[str, float]:
    """Seconds from the drop to each stage; waits until the novel's run has ended and its chunks have vectors."""
    searchable = None
    while time.time() < dropped + 180:
        [(chunks, vectors)] = project.rows(STORED, [name])
        if searchable is None and chunks and chunks == vectors:
            searchable = time.time()
        runs = project.dagster_rows(RUN, [name])
        if searchable is not None and runs and runs[0][2]:
            created, started, ended = map(float, runs[0])
            found = {"noticed": created, "started": started, "searchable": searchable, "run ended": ended}
            return {stage: moment - dropped for stage, moment in found.items()}
        time.sleep(0.05)
    raise SystemExit(f"{name} did not become searchable")


def show(label: str, stages: dict[str, float]) -> None:
    print(f"{label:<10}" + "".join(f"{stage} {seconds:5.1f} s   " for stage, seconds in stages.items()), flush=True)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    rows = []
    with running_project(latency_ms=100, MORPHEUS_TEXT_SPACES="openai/text-embedding-3-large") as project:
        for number in range(count + 1):
            time.sleep(2)
            name = f"novel-{number}"
            (project.novels_folder / f"{name}.txt").write_text(novel(number))
            found = stage_times(project, name, time.time())
            show(name if number else "warm-up", found)
            rows.append(found)
    show("median", {stage: statistics.median(row[stage] for row in rows[1:]) for stage in rows[0]})


if __name__ == "__main__":
    main()
