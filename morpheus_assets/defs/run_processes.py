"""Processes of runs, forked from one that has everything imported: a run begins at once, however busy the machine is.

Dagster's code server starts a new interpreter for each run, which imports the definitions again: 2 s on a quiet
machine, 9 to 39 s beside a backfill, and a small job waited as long.
"""

import multiprocessing
import sys
from multiprocessing import forkserver
from typing import Any

# Imported in the process that is forked: it has no threads and no connections, and each run makes its own.
DEFINITIONS = "morpheus_assets.definitions"
PRELOADED = [DEFINITIONS, "morpheus_assets.defs.run_process_imports"]


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


def begin_forking() -> None:
    """Start the process that is forked, if this one is a code server's, so that the first run need not wait for it."""
    server = sys.modules.get("dagster._grpc.server")
    if server is not None and getattr(server.DagsterApiServer, "forks_runs", False):
        forkserver.ensure_running()
