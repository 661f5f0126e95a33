"""The Celery broker of a deployment: its address, checks that it is usable, and settings alike in runs and workers.

Runs reach it through defs/executors.py, workers through defs/celery_worker.py; the command line checks it at a start.
"""

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.settings import Settings

# A step whose worker has not been heard of for this long goes to another one. Workers renew what they hold
# (defs/celery_worker.py), so it need not be longer than a step, and a dead worker is made good within a minute.
LEASE_SECONDS = 45
RESTORE_SECONDS = 5
# So long runs wait for a broker that is away: as long as one takes that is set up anew.
PATIENCE_SECONDS = 600
_PACKAGES = {"celery": "dagster_celery", "k8s": "dagster_k8s"}


class BrokerUnusable(ConfigurationError):
    """The broker cannot be reached or would lose tasks; the message is one sentence without its password."""


def check_executor(settings: Settings) -> None:
    """Raise ConfigurationError when MORPHEUS_EXECUTOR names what is not installed, or lacks its broker's address."""
    package = _PACKAGES.get(settings.executor)
    if package and find_spec(package) is None:
        raise ConfigurationError(
            f"MORPHEUS_EXECUTOR={settings.executor} needs the package {package.replace('_', '-')}: install the project"
            f" with its extra `{settings.executor}` (pip install -e '.[{settings.executor}]')."
        )
    if settings.executor == "celery":
        broker_url(settings)


def broker_url(settings: Settings) -> str:
    """The broker's URL; raises ConfigurationError when it is missing or no Redis."""
    if settings.celery_broker is None:
        raise ConfigurationError(
            "MORPHEUS_EXECUTOR=celery needs MORPHEUS_CELERY_BROKER, the URL of a Redis that all workers can reach, such"
            " as redis://queue.example.org:6379/0."
        )
    url = settings.celery_broker.get_secret_value()
    address = urlsplit(url)
    if address.scheme not in ("redis", "rediss") or not address.hostname:
        raise ConfigurationError(
            "MORPHEUS_CELERY_BROKER is no address of a Redis: write redis://HOST:PORT/NUMBER, or rediss:// with TLS."
        )
    return url


def check_broker(settings: Settings) -> None:
    """Raise BrokerUnusable when the broker does not answer, or may throw tasks away when its memory is full."""
    from redis import Redis
    from redis.exceptions import RedisError, ResponseError

    url = broker_url(settings)
    address = urlsplit(url)
    name = f"The Celery broker at {address.hostname}:{address.port or 6379} (MORPHEUS_CELERY_BROKER)"
    client = Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10)
    try:
        client.ping()
        memory: dict[str, Any] = client.info("memory")
    except ResponseError:
        # a user who may not ask: the queue works all the same, and without a password the next line tells
        memory = {}
    except (RedisError, OSError) as fault:
        reason = (str(fault).strip() or type(fault).__name__).rstrip(".")
        raise BrokerUnusable(f"{name} does not answer: {reason}. Start it, or correct the address.") from fault
    finally:
        client.close()
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if memory.get("maxmemory") and policy.startswith("allkeys"):
        raise BrokerUnusable(
            f"{name} throws keys away when its memory is full (maxmemory-policy {policy}), and tasks with them: set"
            " noeviction, or use another Redis than the cache."
        )


def celery_settings() -> dict[str, Any]:
    """The settings of Celery, alike in runs and workers."""
    return {
        # both, or a step dies with its process and the run waits for it for ever
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # what they have sent and not stored would be paid again; claims keep a second worker from sending it
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_publish_retry_policy": {"max_retries": PATIENCE_SECONDS // 5, "interval_step": 1, "interval_max": 5},
        # Dagster's own log goes to stderr as it is
        "worker_redirect_stdouts": False,
        "broker_transport_options": {
            "max_retries": 3,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 0.5,
            "visibility_timeout": LEASE_SECONDS,
            # by default it looks for abandoned tasks only every 100 seconds, and one that dies looking blocks 300
            "unacked_restore_interval": RESTORE_SECONDS,
            "unacked_restore_throttle": 1,
            "unacked_mutex_expire": LEASE_SECONDS,
        },
    }
