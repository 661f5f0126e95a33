import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets.store.database.machine_memory import memory_bytes

MACHINE = psutil.virtual_memory().total


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "1073741824\n"}, 1 << 30),
        ("0::/\n", {"memory.max": "max\n"}, MACHINE),
        ("0::/jobs/one\n", {"jobs/memory.max": "2147483648\n", "jobs/one/memory.max": "max\n"}, 2 << 30),
        # a container that does not see the path by which its host knows it
        ("0::/kubepods/pod1/abc\n", {"memory.max": "536870912\n"}, 512 << 20),
        ("4:memory:/docker/abc\n0::/\n", {"memory/docker/abc/memory.limit_in_bytes": "1073741824\n"}, 1 << 30),
        ("4:memory:/docker/abc\n0::/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, MACHINE),
        ("1:cpu:/docker/abc\n", {"cpu/docker/abc/memory.limit_in_bytes": "1\n"}, MACHINE),
        ("0::/\n", {"memory.max": "as much as you like\n"}, MACHINE),
    ],
)
def test_a_process_has_what_the_tightest_of_its_groups_leaves_it(
    tmp_path: Path, groups: str, limits: dict[str, str], expected: int
):
    write(tmp_path / "proc" / "self" / "cgroup", groups)
    for name, text in limits.items():
        write(tmp_path / "sys" / "fs" / "cgroup" / name, text)
    assert memory_bytes(tmp_path) == expected


def test_without_groups_it_has_the_machine(tmp_path: Path):
    assert memory_bytes(tmp_path) == MACHINE


def test_what_a_shell_lets_a_process_map_is_no_less_of_a_limit():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "from morpheus_assets.store.database.machine_memory import memory_bytes; print(memory_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_FOLDER, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{3 << 30}\n", "")
