import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._grpc.server import DagsterApiServer

from morpheus_assets.defs import run_processes
from morpheus_assets_tests.fixtures.waiting import eventually


@dg.op
def wait() -> None: ...


@dg.job
def waiting() -> None:
    wait()


class CodeServer(DagsterApiServer):
    """The part of a code server that looks after the runs that it has started."""

    def __init__(self, run: dg.DagsterRun, instance_ref: object) -> None:
        self._server_termination_event = threading.Event()
        self._shutdown_once_executions_finish_event = threading.Event()
        self._execution_lock = threading.Lock()
        self._termination_events: dict[str, Any] = {run.run_id: None}
        self._termination_times: dict[str, float] = {}
        self._executions: Any = {run.run_id: (SimpleNamespace(is_alive=lambda: False, exitcode=1), instance_ref)}
        self.said: list[str] = []
        self._logger: Any = SimpleNamespace(warning=lambda text, *values: self.said.append(text % values))


def test_a_code_server_goes_on_noticing_runs_that_crash_after_the_disk_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DagsterApiServer, "_check_for_orphaned_runs", DagsterApiServer._check_for_orphaned_runs)
    monkeypatch.setattr(DagsterApiServer, "goes_on_watching", False, raising=False)
    monkeypatch.setattr(run_processes, "LOOK_AGAIN_SECONDS", 0.0)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        run = instance.create_run_for_job(waiting, status=dg.DagsterRunStatus.STARTED)
        opened, full = dg.DagsterInstance.from_ref, ["No space left on device"]

        def from_ref(ref: Any) -> dg.DagsterInstance:
            if full:
                raise OSError(full.pop())
            return opened(ref)

        monkeypatch.setattr(dg.DagsterInstance, "from_ref", from_ref)
        run_processes.go_on_watching_runs()
        server = CodeServer(run, instance.get_ref())
        thread = threading.Thread(target=server._cleanup_thread)
        thread.start()
        assert eventually(lambda: instance.get_run_by_id(run.run_id).is_finished)
        server._server_termination_event.set()
        thread.join()
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert server.said == ["Runs that ended cannot be noted, and are looked for again: No space left on device"]
