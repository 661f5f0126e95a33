"""Tests, in the folders of the package. None of them sees the `.env` in the project's folder.

What they write for a moment, databases above all, lies in memory where the machine has room: a fresh database there
takes a tenth of the time. What is compiled is kept, for the hundreds of processes that tests start. Libraries of
numbers use one thread: several test processes keep the cores busy, and threads that wait for each other there take
twice the time. The processes collect garbage as seldom as the tests themselves.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["MORPHEUS_DOTENV"] = os.devnull
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

_IN_MEMORY = "/dev/shm"
# a whole run takes half of a gigabyte
_ROOM = 3 << 30


def _fits_in_memory() -> bool:
    if not os.access(_IN_MEMORY, os.W_OK) or os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(_IN_MEMORY).free >= _ROOM


if "TMPDIR" not in os.environ and _fits_in_memory():
    os.environ["TMPDIR"] = tempfile.tempdir = _IN_MEMORY


_STARTUP = Path(__file__).parent / "fixtures" / "startup"


def python_path(*folders: Path | str) -> str:
    """The PYTHONPATH of a process that a test starts, with these folders first."""
    return os.pathsep.join(dict.fromkeys(map(str, (*folders, _STARTUP))))


os.environ["PYTHONPATH"] = python_path(*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
