"""Where the steps of a run are executed: in its process, in processes beside it, or on other machines.

MORPHEUS_EXECUTOR chooses; no asset knows. What runs and Celery workers agree on is celery_broker.py's business.
"""

import multiprocessing
from typing import TYPE_CHECKING, Any

import dagster as dg

from morpheus_assets.defs.sent_steps import SentStep
from morpheus_assets.defs.traced_runs import traced_in_process_executor
from morpheus_assets.services.celery_broker import broker_url, celery_settings, check_broker, check_executor
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from dagster_celery.executor import CeleryExecutor


def build_executor(settings: Settings) -> dg.ExecutorDefinition:
    """The executor of all jobs; connects to nothing.

    Raises ConfigurationError when what MORPHEUS_EXECUTOR asks for is not installed or lacks its address.
    """
    check_executor(settings)
    if settings.executor == "multiprocess":
        # forked from one process that has imported everything, where the system can
        forked = "forkserver" in multiprocessing.get_all_start_methods()
        return dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}} if forked else {})
    if settings.executor == "celery":
        # built here and not by run configuration, which the UI shows: the broker's address holds its password
        return dg.ExecutorDefinition(
            name="celery",
            requirements=dg.multiple_process_executor_requirements(),
            executor_creation_fn=lambda _: celery_executor(settings),
            description="Each step is a task for `morpheus worker`.",
        )
    if settings.executor == "k8s":
        from dagster_k8s import k8s_job_executor

        return k8s_job_executor
    if settings.otlp_endpoint:
        return traced_in_process_executor(settings.otlp_endpoint)
    # the chain is linear, and every step of a multiprocess run costs four seconds of start-up
    return dg.in_process_executor


def celery_executor(settings: Settings) -> "CeleryExecutor":
    """Sends each step to the workers; its `app_args` make their application too. Raises ConfigurationError."""
    from dagster._core.execution.retries import RetryMode
    from dagster_celery.core_execution_loop import core_celery_execution_loop
    from dagster_celery.executor import CeleryExecutor, _submit_task

    def send(app: Any, *step: Any) -> SentStep:
        return SentStep(app, lambda: _submit_task(app, *step))

    class CheckedCeleryExecutor(CeleryExecutor):
        def execute(self, plan_context: Any, execution_plan: Any) -> Any:
            # a run that cannot hand out its steps says so in a sentence, before the first of them
            check_broker(settings)
            return core_celery_execution_loop(plan_context, execution_plan, step_execution_fn=send)

    url = broker_url(settings)
    return CheckedCeleryExecutor(retries=RetryMode.ENABLED, broker=url, backend=url, config_source=celery_settings())
