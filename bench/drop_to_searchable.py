"""Where the time goes between dropping a novel's file and finding its passages, with a warm daemon.

    .venv/bin/python -m bench.drop_to_searchable [novels]

Starts `morpheus up` in a folder of its own, with a fake provider at 100 ms, drops one novel after the other, and reads
the stages off Dagster's run records: noticed (the sensor made the run), started (its process runs), searchable, ended.
"""

import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.database.embedded import DAGSTER_DATABASE, running_url

WORDS = ["harbour", "lantern", "winter", "cathedral", "whisper", "orchard", "thunder", "parchment", "meadow"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def novel(seed: int) -> str:
    chance = random.Random(seed)
    chapters = []
    for chapter in range(1, 21):
        paragraphs = [" ".join(chance.choices(WORDS, k=90)).capitalize() + "." for _ in range(12)]
        chapters.append(f"CHAPTER {chapter}\n\n" + "\n\n".join(paragraphs))
    return "\n\n".join(chapters) + "\n"


def stage_times(data: Path, name: str, dropped: float) -> dict[str, float]:
    """Seconds from the drop to each stage; waits until the novel's run has ended and its chunks have vectors."""
    content = running_url(data, driver="postgresql")
    dagster = running_url(data, DAGSTER_DATABASE, driver="postgresql")
    assert content is not None
    assert dagster is not None
    searchable = None
    with psycopg.connect(content, autocommit=True) as database, psycopg.connect(dagster, autocommit=True) as runs:
        while time.time() < dropped + 180:
            row = database.execute(
                "SELECT count(*), count(e.content_hash) FROM chunks c JOIN novels n ON n.id = c.novel_id"
                " LEFT JOIN embeddings_1 e USING (content_hash) WHERE n.novel = %s",
                [name],
            ).fetchone()
            if searchable is None and row and row[0] and row[0] == row[1]:
                searchable = time.time()
            run = runs.execute(
                "SELECT extract(epoch FROM create_timestamp AT TIME ZONE 'UTC'), start_time, end_time FROM runs"
                " WHERE partition = %s",
                [name],
            ).fetchone()
            if searchable is not None and run is not None and run[2]:
                created, started, ended = map(float, run)
                found = {"noticed": created, "started": started, "searchable": searchable, "run ended": ended}
                return {stage: moment - dropped for stage, moment in found.items()}
            time.sleep(0.05)
    raise SystemExit(f"{name} did not become searchable")


def shown(stages: dict[str, float]) -> str:
    return "".join(f"{stage} {seconds:5.1f} s   " for stage, seconds in stages.items())


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    folder = Path(tempfile.mkdtemp(prefix="mpb"))
    folder.chmod(0o711)
    provider = subprocess.Popen(
        [sys.executable, "-m", "morpheus_assets_tests.fixtures.provider_server", "--latency-ms", "100"],
        cwd=PROJECT_FOLDER,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert provider.stdout is not None
    environment = {
        **os.environ,
        "MORPHEUS_CONTENT": str(folder / "content"),
        "MORPHEUS_DATA_FOLDER": str(folder / "data"),
        "MORPHEUS_DOTENV": os.devnull,
        "MORPHEUS_UI_PORT": str(free_port()),
        "MORPHEUS_API_PORT": str(free_port()),
        "MORPHEUS_SAMPLES": "false",
        "MORPHEUS_TEXT_SPACES": "openai/text-embedding-3-large",
        "MORPHEUS_IMAGE_SPACES": "open_clip/demo",
        "OPENAI_API_KEY": "sk-bench",
        "OPENAI_BASE_URL": f"{provider.stdout.readline().strip()}/v1",
    }
    output = folder / "output"
    with output.open("wb") as said:
        up = subprocess.Popen(
            [Path(sys.executable).parent / "morpheus", "up"], env=environment, cwd=PROJECT_FOLDER, stdout=said
        )
    try:
        while "is running" not in output.read_text():
            time.sleep(0.2)
        rows = []
        for number in range(count + 1):
            time.sleep(2)
            name = f"novel-{number}"
            (folder / "content" / "novels" / f"{name}.txt").write_text(novel(number))
            found = stage_times(folder / "data", name, time.time())
            label = "warm-up" if number == 0 else name
            print(
                f"{label:<10}" + "".join(f"{stage} {seconds:5.1f} s   " for stage, seconds in found.items()), flush=True
            )
            if number:
                rows.append(found)
        medians = {stage: statistics.median(row[stage] for row in rows) for stage in rows[0]}
        print("median    " + shown(medians))
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)
        provider.terminate()
        provider.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
