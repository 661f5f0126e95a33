"""The process of `morpheus worker`: checks what a worker needs, then becomes one."""

import os
import sys

from morpheus_assets.cli.environment import child_environment
from morpheus_assets.services.celery_broker import check_broker, check_executor
from morpheus_assets.services.connections import Databases, StartFailed, connected_engine, database_url, own_dagster_url
from morpheus_assets.settings import Settings


def check_steps_can_be_handed_out(settings: Settings) -> None:
    """Raise ConfigurationError when MORPHEUS_EXECUTOR cannot work here; asks the broker where there is one."""
    check_executor(settings)
    if settings.executor == "celery":
        check_broker(settings)


def become_worker(settings: Settings, *, concurrency: int | None, queues: str) -> None:
    """Replace this process by a Celery worker; never returns. Raises StartFailed, or what is wrong with a setting."""
    if settings.executor != "celery":
        raise StartFailed(
            f"A worker has nothing to do with MORPHEUS_EXECUTOR={settings.executor}: set it to celery, and"
            " MORPHEUS_CELERY_BROKER, alike on all machines."
        )
    check_steps_can_be_handed_out(settings)
    with connected_engine(settings) as engine:
        dagster_url = own_dagster_url(settings, engine, os.environ.get("DAGSTER_PG_URL"))
        environment = child_environment(settings, Databases(database_url(settings), dagster_url))
    command = [sys.executable, "-m", "morpheus_assets.defs.celery_worker", *_worker_arguments(concurrency, queues)]
    os.execve(sys.executable, command, environment)  # noqa: S606


def _worker_arguments(concurrency: int | None, queues: str) -> list[str]:
    # several workers of one machine must differ in name; gossip and mingle are talk among workers that nobody needs
    fixed = ["worker", f"--hostname={os.getpid()}@%h", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
    return [*fixed, f"--queues={queues}", *([f"--concurrency={concurrency}"] if concurrency else [])]
