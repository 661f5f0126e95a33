"""A run as a trace: the run, its steps, and within them what providers, Postgres and the decoding of pictures took."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from morpheus_assets.tracing.spans import span

if TYPE_CHECKING:
    from dagster._core.executor.in_process import InProcessExecutor

SERVICE = "morpheus-runs"


def traced_in_process_executor(endpoint: str) -> dg.ExecutorDefinition:
    """The in-process executor, which sends a trace of each run to the collector at `endpoint`."""
    return dg.ExecutorDefinition(
        name="in_process",
        requirements=None,
        config_schema=dg.in_process_executor.config_schema.as_field(),
        executor_creation_fn=lambda context: _traced(endpoint, context),
        description="Steps run one after another in the run's own process, recorded as a trace.",
    )


def _traced(endpoint: str, context: dg.InitExecutorContext) -> "InProcessExecutor":
    from dagster._core.executor.in_process import InProcessExecutor

    class TracedInProcessExecutor(InProcessExecutor):
        def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
            from morpheus_assets.tracing.export import send_spans, start_tracing

            start_tracing(endpoint, SERVICE)
            run = plan_context.dagster_run
            try:
                with span(f"run {run.job_name}", **{"dagster.run_id": run.run_id}), ExitStack() as step:
                    for event in super().execute(plan_context, execution_plan):
                        # the step's own code goes on only when the event before it has been taken
                        if event.is_step_start:
                            step.enter_context(span(f"step {event.step_key}"))
                        elif event.is_step_success or event.is_step_failure or event.is_step_up_for_retry:
                            step.close()
                        yield event
            finally:
                # a run's process ends without asking anyone
                send_spans()

    plain = dg.in_process_executor.executor_creation_fn
    assert plain is not None
    made = cast(InProcessExecutor, plain(context))
    return TracedInProcessExecutor(made.retries, marker_to_close=made.marker_to_close)
