"""Tests, in the folders of the package. None of them sees the `.env` in the project's folder.

What they write for a moment, databases above all, lies in memory where the machine has room: a fresh database there
takes a tenth of the time. Libraries of numbers use one thread: several test processes keep the cores busy, and threads
that wait for each other there take twice the time.
"""

import os
import shutil
import tempfile

os.environ["MORPHEUS_DOTENV"] = os.devnull
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

_IN_MEMORY = "/dev/shm"
_ROOM = 8 << 30


def _fits_in_memory() -> bool:
    if not os.access(_IN_MEMORY, os.W_OK) or os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(_IN_MEMORY).free >= _ROOM


if "TMPDIR" not in os.environ and _fits_in_memory():
    os.environ["TMPDIR"] = tempfile.tempdir = _IN_MEMORY
