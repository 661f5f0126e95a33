import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests import python_path

CONFIGURATION = "compute_logs: {module: morpheus_assets.defs.compute_logs, class: FileComputeLogManager}\n"
# prints by Python, by the descriptor and by a child; tells how many processes it has started meanwhile
PROGRAM = """
import os, subprocess, sys
import dagster as dg

@dg.op
def speak():
    print("by print")
    os.write(1, b"by descriptor\\n")
    subprocess.run(["echo", "by a child"])
    print("a fault", file=sys.stderr)
    children = open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()
    print("children:", len(children))

@dg.job(executor_def=dg.in_process_executor)
def job():
    speak()

with dg.DagsterInstance.get() as instance:
    result = job.execute_in_process(instance=instance)
    [captured] = [
        entry.dagster_event.logs_captured_data
        for entry in instance.all_logs(result.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED)
    ]
    data = instance.compute_log_manager.get_log_data([result.run_id, "compute_logs", captured.file_key])
    print("KEPT", data.stdout.decode().split("\\n"), "a fault" in data.stderr.decode())
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dagster.yaml").write_text(CONFIGURATION + "telemetry: {enabled: false}\n", encoding="utf-8")
    return tmp_path


def test_the_output_of_a_run_is_kept_and_passed_on_without_processes_beside_it(home: Path):
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": python_path(PROJECT_FOLDER)}
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=600, cwd=home
    )
    assert said.returncode == 0, said.stderr
    *passed_on, kept = said.stdout.splitlines()
    assert passed_on == ["by print", "by descriptor", "by a child", "children: 0"]
    assert kept == f"KEPT {[*passed_on, '']} True"
    assert "a fault" in said.stderr
    assert list((home / "storage").rglob("*.out"))


def test_it_keeps_the_files_where_dagsters_own_manager_does(tmp_path: Path, home: Path):
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    places = []
    for folder in (home, plain):
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            path = Path(instance.compute_log_manager.get_captured_local_path(["run", "compute_logs", "step"], "out"))
            places.append(path.relative_to(folder))
    assert places[0] == places[1]
