"""The launcher of runs as processes of the code server, for a machine that is busy.

Dagster waits sixty seconds for the process to report, then queues the run again although its process is still
starting. The second process ends as a duplicate, and its end was taken for the end of the run: marked as failed.
"""

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import DefaultRunLauncher, LaunchRunContext
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
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
            if not _has_process(context, run):
                raise
            self._instance.report_engine_event(
                "The process of this run takes long to start, for the machine is busy; it is waited for.", run
            )
            self._run_ids.add(run.run_id)


def _has_process(context: LaunchRunContext, run: DagsterRun) -> bool:
    """True when the code server holds a process for `run`, started or starting."""
    origin = run.remote_job_origin
    if context.workspace is None or origin is None:
        return False
    location = context.workspace.get_code_location(origin.location_name)
    if not isinstance(location, GrpcServerCodeLocation):
        return False
    try:
        answer = location.client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id))
    except DagsterUserCodeUnreachableError:
        return False
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel
