import subprocess
import sys
from pathlib import Path

from morpheus_assets.cli.up import rotate

WRITER = "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)\n"


def test_a_large_log_is_moved_aside_while_its_process_goes_on_writing(tmp_path: Path):
    log = tmp_path / "dagster.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=file, text=True, bufsize=1
        )
    assert process.stdin is not None

    def write(line: str) -> None:
        assert process.stdin is not None
        before = log.stat().st_size
        process.stdin.write(f"{line}\n")
        while log.stat().st_size == before:
            assert process.poll() is None

    write("before " * 20)
    rotate(log, most_bytes=1_000)
    assert log.stat().st_size > 0, "a small one is left alone"
    rotate(log, most_bytes=100)
    write("after")
    process.stdin.close()
    assert process.wait(20) == 0
    assert (log.read_text(), (tmp_path / "dagster.log.1").read_text()) == ("after\n", "before " * 20 + "\n")
