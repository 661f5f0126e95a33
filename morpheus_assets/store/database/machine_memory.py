"""How much memory there is to plan with: the machine's, or less where a control group or `ulimit -v` holds to that."""

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil


def memory_bytes(root: Path = Path("/")) -> int:
    """Bytes of memory that this process and its children may fill; `root` is where /proc and /sys are."""
    limits = [psutil.virtual_memory().total]
    # what is mapped counts for this one, and a child inherits it
    mapped, _ = resource.getrlimit(resource.RLIMIT_AS)
    if mapped != resource.RLIM_INFINITY:
        limits.append(mapped)
    for file in _limits(root):
        # "max": held to nothing
        with suppress(OSError, ValueError):
            limits.append(int(file.read_text(encoding="ascii")))
    return min(limits)


def _limits(root: Path) -> Iterator[Path]:
    """The files with the limits of each group that this process is in (cgroups(7)); not all of them exist."""
    groups = root / "sys" / "fs" / "cgroup"
    with suppress(OSError):
        for line in (root / "proc" / "self" / "cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):
                top, name = (groups, "memory.max") if not controllers else (groups / "memory", "memory.limit_in_bytes")
                # a container may not see the groups that it is in, and its own is the top one then
                own = top / path.lstrip("/")
                yield from (folder / name for folder in (own, *own.parents) if folder.is_relative_to(top))
