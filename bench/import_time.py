"""What loading the definitions costs beside loading Dagster alone: processor time of cold processes, in turns.

    .venv/bin/python -m bench.import_time [rounds]

Every process of a deployment loads the definitions (the code server, each run), so this stands before all other work.
The goal is 1.2 times `import dagster`. Also names what was loaded that takes longest, per module of the project's own.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile

from morpheus_assets.settings import PROJECT_FOLDER

DAGSTER, OURS = "import dagster", "import morpheus_assets.definitions"
SLOWEST = 12


def clean_environment(folder: str) -> dict[str, str]:
    """Default settings, whatever the shell has set."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MORPHEUS_", "OPENAI_", "VOYAGE_", "DAGSTER_"))
    }
    return {**kept, "MORPHEUS_DATA_FOLDER": folder, "MORPHEUS_DOTENV": os.devnull}


def processor_seconds(statement: str, environment: dict[str, str]) -> float:
    """Processor time that a fresh interpreter has used when the statement is done; its exit is left out."""
    code = f"{statement}; import time; print(time.process_time())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def slowest_modules(environment: dict[str, str]) -> list[tuple[float, str]]:
    """Milliseconds that modules take by themselves once Dagster is loaded, the slowest first."""
    code = f"{DAGSTER}, sys; print('@@', file=sys.stderr); {OURS}"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stderr.split("@@")[1]
    found = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", lines)
    return sorted(((int(micros) / 1000, name) for micros, name in found), reverse=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    seconds: dict[str, list[float]] = {DAGSTER: [], OURS: []}
    with tempfile.TemporaryDirectory() as folder:
        environment = clean_environment(folder)
        for turn in range(rounds + 1):
            for statement, found in seconds.items():
                used = processor_seconds(statement, environment)
                # the first turn fills the disk's cache and writes what Python compiles
                if turn:
                    found.append(used)
        slowest = slowest_modules(environment)
    medians = {statement: statistics.median(found) for statement, found in seconds.items()}
    for statement, median in medians.items():
        spread = f"{min(seconds[statement]):.2f} to {max(seconds[statement]):.2f}"
        print(f"{statement:<36} {median:5.2f} s   ({spread})")
    ratios = [ours / dagster for ours, dagster in zip(seconds[OURS], seconds[DAGSTER], strict=True)]
    print(
        f"{'ratio':<36} {medians[OURS] / medians[DAGSTER]:5.2f}     (median of pairs {statistics.median(ratios):.2f})"
    )
    print("longest by themselves after Dagster:")
    for millis, name in slowest[:SLOWEST]:
        print(f"  {millis:6.1f} ms  {name}")


if __name__ == "__main__":
    main()
