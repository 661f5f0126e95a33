import os
import subprocess
import sys
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


def test_a_forked_run_has_at_hand_what_a_text_needs_and_no_thread_runs_in_its_parent():
    preloaded = "\n".join(f"import {module}" for module in run_processes.PRELOADED)
    code = f"""
import os, sys, threading
{preloaded}
loaded, threads = set(sys.modules), threading.enumerate()
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chunking import tokens
from morpheus_assets.text.chunking.chunks import cut_chunks
from morpheus_assets.text.novel_files import read_novel_object
read_tokenizer = tokens.tokenizer.cache_info().currsize
text = b"CHAPTER I\\n\\nThe ship came to the harbour.\\n\\nCHAPTER II\\n\\nThe lantern was lit by the man.\\n"
document = read_novel_object("emma.txt", len(text), "mark", lambda: text)
chunks = list(cut_chunks(document.text, find_chapters(document)))
print(len(chunks) > 0, read_tokenizer, len(threads), sorted(set(sys.modules) - loaded), flush=True)
if os.fork() == 0:
    print("its threads wait", round(1000 * sys.getswitchinterval(), 3), "ms", flush=True)
    os._exit(0)
os.wait()
"""
    environment = {**os.environ, "MORPHEUS_DOTENV": os.devnull}
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True)
    assert said.stdout == "True 1 1 []\nits threads wait 1.0 ms\n", said.stderr
