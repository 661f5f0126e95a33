"""When a process began, as a number by which another process can tell it from a later one with the same pid."""

import sys
from pathlib import Path

import psutil


def process_start(process: psutil.Process) -> float:
    """On Linux ticks since the machine started, which stay the same when somebody sets the clock; else seconds of 1970.

    psutil's `create_time` is reckoned from the machine's start by the wall clock, so after a step of the clock a
    process that reads it anew finds another time for the same process. Raises psutil.NoSuchProcess.
    """
    if sys.platform != "linux":
        return float(process.create_time())
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_bytes()
    except OSError as error:
        raise psutil.NoSuchProcess(process.pid) from error
    # the name stands in brackets and may hold anything; the 22nd field is the start
    return float(stat.rpartition(b")")[2].split()[19])
