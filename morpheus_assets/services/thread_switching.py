"""How long a thread of a process computes before another one may go on.

While one thread cuts a text, others write passages and ask providers: each of their round trips waited Python's 5 ms
for the interpreter, and an ingest of four novels took 1.70 s in place of 1.50.
"""

import sys

SWITCH_SECONDS = 0.001


def switch_threads_soon() -> None:
    """Let the threads of this process, and of those forked from it, wait a millisecond at most for each other."""
    sys.setswitchinterval(SWITCH_SECONDS)
