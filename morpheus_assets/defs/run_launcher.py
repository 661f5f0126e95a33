"""The launcher of runs as processes of the code server, for a machine that is busy.

Dagster waits sixty seconds for the process to report, then queues the run again although its process is still
starting. The second process ends as a duplicate, and its end was taken for the end of the run: marked as failed.
"""

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import DefaultRunLauncher, LaunchRunContext
from dagster._core.storage.dagster_run import DagsterRun
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value


class PatientRunLauncher(DefaultRunLauncher):
    """Launches a run once, however long its process takes to start."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Raises what Dagster's own launcher raises, unless the code server has the run's process by then.

        A process that never reports is ended by `start_timeout_seconds` of dagster.yaml.
        """
        run = context.dagster_run
        try:
            super().launch_run(context)
        except DagsterUserCodeUnreachableError:
            if not self.has_process(run):
                raise
            self._instance.report_engine_event(
                "The process of this run takes long to start, for the machine is busy; it is waited for.", run
            )
            self._run_ids.add(run.run_id)

    def has_process(self, run: DagsterRun) -> bool | None:
        """Whether the code server holds a process for a launched run, started or starting; None if it does not answer.

        A run whose launch never reached a code server has none.
        """
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return False
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id))
        except DagsterUserCodeUnreachableError:
            return None
        return deserialize_value(answer, CanCancelExecutionResult).can_cancel
