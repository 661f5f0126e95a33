"""Processes of runs, forked from one that has everything imported: a run begins at once, however busy the machine is.

Dagster's code server starts a new interpreter for each run, which imports the definitions again: 2 s on a quiet
machine, 9 to 39 s beside a backfill, and a small job waited as long.
"""

import multiprocessing
import sys
import time
from multiprocessing import forkserver
from typing import Any

# Imported in the process that is forked: it has no threads and no connections, and each run makes its own.
DEFINITIONS = "morpheus_assets.definitions"
PRELOADED = [DEFINITIONS, "morpheus_assets.defs.run_process_imports"]
LOOK_AGAIN_SECONDS = 2.0


def fork_runs() -> None:
    """Let the code server of this process fork its runs; nothing in any other process, and where fork is not safe."""
    server = sys.modules.get("dagster._grpc.server")
    if server is None or sys.platform != "linux" or multiprocessing.parent_process() is not None:
        return
    api: Any = server.DagsterApiServer
    if getattr(api, "forks_runs", False):
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    original = api.StartRun

    def start_run(self: Any, request: Any, call: Any) -> Any:
        # Dagster's own is the context of new interpreters
        self._mp_ctx = context
        return original(self, request, call)

    api.StartRun, api.forks_runs = start_run, True


def go_on_watching_runs() -> None:
    """Let the code server of this process go on looking for runs whose process ended, when one look fails.

    Its thread ended with the first fault, as on a full disk, and no run that crashed later was noticed.
    """
    server = sys.modules.get("dagster._grpc.server")
    if server is None or multiprocessing.parent_process() is not None:
        return
    api: Any = server.DagsterApiServer
    if getattr(api, "goes_on_watching", False):
        return
    look = api._check_for_orphaned_runs

    def look_again(self: Any) -> None:
        try:
            look(self)
        except Exception as fault:
            self._logger.warning("Runs that ended cannot be noted, and are looked for again: %s", fault)
            time.sleep(LOOK_AGAIN_SECONDS)

    api._check_for_orphaned_runs, api.goes_on_watching = look_again, True


def begin_forking() -> None:
    """Start the process that is forked, if this one is a code server's, so that the first run need not wait for it."""
    server = sys.modules.get("dagster._grpc.server")
    if server is not None and getattr(server.DagsterApiServer, "forks_runs", False):
        forkserver.ensure_running()
