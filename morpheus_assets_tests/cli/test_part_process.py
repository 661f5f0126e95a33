import subprocess
import sys
from pathlib import Path

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests import python_path

PART = """
import gc, json, sys
enabled_while_loaded = gc.isenabled()

def main():
    import loaded_first
    print(json.dumps([sys.argv[1:], enabled_while_loaded, gc.isenabled(), gc.get_freeze_count() > 0]))
    sys.exit(3)
"""


def test_modules_are_loaded_before_anything_is_collected_and_the_last_one_is_run_with_its_arguments(tmp_path: Path):
    (tmp_path / "loaded_first.py").write_text("", encoding="utf-8")
    (tmp_path / "part.py").write_text(PART, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "morpheus_assets.cli.part_process", "loaded_first,part", "start", "--port", "1"],
        env={"PYTHONPATH": python_path(PROJECT_FOLDER)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, '[["start", "--port", "1"], false, true, true]\n'), done.stderr
