"""The process that ends what `morpheus up` had started when that is killed: no part outlives it.

Its standard input is a pipe that only `up` holds, so the kernel tells it. A start that follows at once is left to end
what is there by itself.
"""

import fcntl
import sys
import time
from contextlib import suppress
from pathlib import Path

from morpheus_assets.cli.supervisor import Supervisor

GRACE_SECONDS = 10.0
# Written into the lock by who holds it, so that a start in this moment waits and is not turned away.
HOLDER = "watchdog"
RECORD, LOCK = "processes.json", "up.lock"


def main(data_folder: Path, grace_seconds: float = GRACE_SECONDS) -> None:
    """Wait for the end of the pipe; do nothing when `up` has ended in order, or another one begins within the grace."""
    sys.stdin.buffer.read()
    from morpheus_assets.services.running_parts import FILE as PARTS

    # both are gone after an end in order
    if not any((data_folder / name).exists() for name in (RECORD, PARTS)):
        return
    time.sleep(grace_seconds)
    try:
        with (data_folder / LOCK).open("r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate()
            lock.write(HOLDER)
            lock.flush()
            _end_everything(data_folder)
            lock.seek(0)
            lock.truncate()
    except OSError:
        return


def _end_everything(data_folder: Path) -> None:
    from morpheus_assets.cli.environment import forget_in_dotenv
    from morpheus_assets.services.running_parts import forget_parts
    from morpheus_assets.settings import PROJECT_FOLDER
    from morpheus_assets.store.database.embedded import EmbeddedPostgres
    from morpheus_assets.store.database.errors import StoreError

    Supervisor(data_folder / RECORD).end_leftovers()
    forget_parts(data_folder)
    if (data_folder / "pgdata").exists() or (data_folder / "server-home").exists():
        with suppress(StoreError):
            if EmbeddedPostgres(data_folder).stop_orphan() and data_folder == PROJECT_FOLDER / ".morpheus":
                forget_in_dotenv(PROJECT_FOLDER / ".env")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(float, sys.argv[2:]))
