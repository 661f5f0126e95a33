"""The output of runs, kept in files for the UI and passed on to where it would have gone.

Dagster's own manager starts four processes for each run to pass it on, two of them interpreters. Named in
dagster.yaml.
"""

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dagster import DagsterInstance
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClassData
from dagster._utils import ensure_file, touch_file

PASSED_ON_SECONDS = 0.5


class FileComputeLogManager(LocalComputeLogManager):
    """Dagster's local manager, in the same files, without processes beside the run's; below the instance's folder."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__("", inst_data=inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "FileComputeLogManager":
        """Made by Dagster from the configuration."""
        return cls(inst_data, **config_value)

    def register_instance(self, instance: DagsterInstance) -> None:
        """Take the folder of the instance."""
        super().register_instance(instance)
        self._base_dir = instance.storage_directory()

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Have what the process writes within the block kept under `log_key`."""
        paths = [self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind]) for kind in ComputeIOType]
        with _kept(sys.stdout, paths[0]), _kept(sys.stderr, paths[1]):
            yield CapturedLogContext(log_key)
        touch_file(self.complete_artifact_path(log_key))


@contextmanager
def _kept(stream: IO[str], path: str) -> Iterator[None]:
    ensure_file(path)
    try:
        before = os.dup(stream.fileno())
    except (OSError, ValueError, AttributeError):
        # no file behind it, as in a notebook: it is left alone, as Dagster does
        yield
        return
    passing = _PassingOn(Path(path), before)
    try:
        with redirect_to_file(stream, path):
            passing.start()
            yield
    finally:
        passing.end()
        os.close(before)


class _PassingOn(threading.Thread):
    """Copies what is added to a file to a descriptor."""

    def __init__(self, path: Path, to: int) -> None:
        super().__init__(name="output of the run", daemon=True)
        self._at, self._path, self._to = path.stat().st_size, path, to
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(PASSED_ON_SECONDS):
            self._copy()

    def end(self) -> None:
        """Copy the rest."""
        self._done.set()
        if self.ident is not None:
            self.join()
        self._copy()

    def _copy(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._at)
            while data := file.read(65536):
                self._at += len(data)
                try:
                    while data:
                        data = data[os.write(self._to, data) :]
                except OSError:
                    # nobody listens any more; it is in the file
                    continue
