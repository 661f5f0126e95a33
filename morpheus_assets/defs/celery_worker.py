"""The Celery application of a worker, and what Celery lacks: leases that are renewed, an end to retries, and patience.

`morpheus worker` starts it as `python -m` with this module's name; settings come from the environment.
"""

import importlib
import sys
import time
from collections.abc import Callable
from functools import wraps
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from morpheus_assets.defs.executors import celery_executor
from morpheus_assets.services.celery_broker import LEASE_SECONDS
from morpheus_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from celery import Celery

RENEW_SECONDS = LEASE_SECONDS / 4
# A step that takes its worker with it (out of memory, say) would otherwise go round all workers for ever.
MOST_STARTS = 3
_REMEMBER_SECONDS = 24 * 3600


class StepKillsItsWorker(Exception):
    """A step was started several times and its worker was lost each time; the message is one sentence."""


def build_app(settings: Settings) -> "Celery":
    """The application: one task, which executes one step of a run. Connects to nothing yet."""
    from celery import bootsteps
    from dagster_celery.make_app import make_app
    from dagster_celery.tasks import create_task

    class RenewLeases(bootsteps.StartStopStep):
        """Tells the broker again and again that the steps which this worker holds are in good hands."""

        requires = ("celery.worker.consumer.tasks:Tasks",)
        timer: Any = None

        def start(self, parent: Any) -> None:
            outlive_the_connection(parent.task_consumer.channel.qos)
            self.timer = parent.timer.call_repeatedly(RENEW_SECONDS, renew_leases, (parent.task_consumer.channel,))

        def stop(self, parent: Any) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

    app = make_app(celery_executor(settings).app_args())
    # a step that ends while the broker is away waits for it with what it has to say, which would else be a failure
    app.conf.result_backend_always_retry = True
    app.steps["consumer"].add(RenewLeases)
    create_task(app, base=_step_task(app))
    return app


def renew_leases(channel: Any) -> None:
    """Set back the clock of every message that was delivered over `channel` and is not done yet."""
    held = list(channel.qos._delivered)
    if held:
        with channel.conn_or_acquire() as client:
            # xx: what has been done in the meantime stays away
            client.zadd(channel.unacked_index_key, dict.fromkeys(held, time.time()), xx=True)


def outlive_the_connection(held: Any) -> None:
    """Let a worker that has lost its broker connect again, with what it held left to the leases.

    Kombu gives it back, and Celery takes leave of it, over the connection that is lost; the fault of either ends the
    worker (5.7.0).
    """

    def unless_it_is_lost(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def attempt(*arguments: Any, **options: Any) -> Any:
            connection = held.channel.connection
            lost = connection is None or connection.client is None
            return None if lost else method(*arguments, **options)

        return attempt

    for name in ("restore_unacked", "ack", "reject"):
        setattr(held, name, unless_it_is_lost(getattr(held, name)))


def _step_task(app: "Celery") -> type:
    from celery.exceptions import Ignore

    class StepTask(app.Task):
        abstract = True
        # it returns the events of its step, which stand in Dagster's log already
        resultrepr_maxsize = 16

        def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
            """Count the starts of a step in the broker, where they outlive the worker; one that is done is left out."""
            # its worker had lost the connection over which it would have said so
            if self.AsyncResult(task_id).ready():
                raise Ignore
            key = f"morpheus:starts:{task_id}"
            with self.app.backend.client.pipeline() as pipe:
                starts, _ = pipe.incr(key).expire(key, _REMEMBER_SECONDS).execute()
            if starts > MOST_STARTS:
                raise StepKillsItsWorker(
                    f"This step was started {MOST_STARTS} times, and each time its worker was lost while it ran, most"
                    " often for lack of memory: look at the workers' logs and give them more, then run it again."
                )

    return StepTask


def main() -> None:
    """Be a worker until SIGTERM, which lets the steps at work end first."""
    settings = load_settings()
    app = build_app(settings)
    # before the worker forks: its processes start with everything imported and resolved; by name, as Dagster loads it
    resolve_name("morpheus_assets.definitions:defs").get_repository_def()
    importlib.import_module("morpheus_assets.defs.run_process_imports")
    app.worker_main(sys.argv[1:])


if __name__ == "__main__":
    main()
