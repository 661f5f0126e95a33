"""A step that a run sent to the Celery workers and waits for; it is sent again when the broker has lost it.

A worker takes a task out of the queue in one command and notes that it holds it in the next. One that is killed between
the two, or told to end while the answer lies in its socket, takes the task with it (github.com/celery/kombu/issues/305,
github.com/celery/celery/issues/4354), and so does a Redis that starts again without its data. No other than the run
that waits can tell, and would wait for ever. A broker that is away for a while, it waits for.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from morpheus_assets.services.celery_broker import LEASE_SECONDS, PATIENCE_SECONDS, RESTORE_SECONDS, BrokerUnusable

if TYPE_CHECKING:
    from celery import Celery
    from celery.result import AsyncResult

# Whether a task is among what workers hold (the hash, the first of the keys), or waits in one of the lists.
_FIND = """
local function among(tasks)
  for _, task in ipairs(tasks) do
    if string.find(task, ARGV[1], 1, true) then return true end
  end
end
if among(redis.call('HVALS', KEYS[1])) then return 1 end
for number = 2, #KEYS do
  if among(redis.call('LRANGE', KEYS[number], 0, -1)) then return 1 end
end
return 0
"""


class SentStep:
    """What Dagster's loop over the steps of a run asks of Celery's `AsyncResult`, which this one looks after."""

    def __init__(self, app: "Celery", send: Callable[[], "AsyncResult[Any]"]) -> None:
        """Send the step: `send` publishes one task of `app`. Raises what that raises."""
        self._app = app
        self._result, self._message = _sent(send)
        self._missed = False
        self._look_at = time.monotonic() + LEASE_SECONDS
        self._answered_at = time.monotonic()

    def ready(self) -> bool:
        """Whether the step has ended. One that is nowhere, looked for twice, is sent again by the way.

        Raises BrokerUnusable when the broker has not answered for ten minutes.
        """
        from kombu.exceptions import OperationalError
        from redis.exceptions import RedisError

        try:
            ended = self._look()
        except (RedisError, OperationalError, OSError) as fault:
            if time.monotonic() - self._answered_at < PATIENCE_SECONDS:
                return False
            raise BrokerUnusable(
                f"The Celery broker (MORPHEUS_CELERY_BROKER) has not answered for {PATIENCE_SECONDS // 60} minutes:"
                " start it, then run this again; what is stored is not paid again."
            ) from fault
        self._answered_at = time.monotonic()
        return ended

    def _look(self) -> bool:
        if self._result.ready():
            return True
        if time.monotonic() < self._look_at:
            return False
        nowhere = not self._is_at_the_broker()
        # a worker stores the result before it lets go of the task
        if nowhere and self._result.ready():
            return True
        if nowhere and self._missed:
            self._send_again()
        self._missed = nowhere and not self._missed
        self._look_at = time.monotonic() + (RESTORE_SECONDS if self._missed else LEASE_SECONDS)
        return False

    def get(self) -> Any:
        """The events of the step, as `AsyncResult.get`; raises what its worker raised."""
        return self._result.get()

    def revoke(self) -> None:
        """Tell the workers not to begin it."""
        self._result.revoke()

    def _is_at_the_broker(self) -> bool:
        from redis.exceptions import ResponseError

        queue = next(each.name for each in self._message["declare"])
        with self._app.connection_for_read() as connection:
            channel = connection.default_channel
            lists = [channel._q_for_pri(queue, step) for step in channel.priority_steps]
            # a user who may not ask: the queue works all the same
            with suppress(ResponseError), channel.conn_or_acquire() as client:
                return bool(client.eval(_FIND, 1 + len(lists), channel.unacked_key, *lists, self._result.id))
        return True

    def _send_again(self) -> None:
        """Publish the same task under the same id; over a connection of its own, which declares its queue anew."""
        message = dict(self._message)
        with self._app.connection_for_write() as connection:
            self._app.amqp.Producer(connection).publish(
                message["body"],
                exchange=message["exchange"],
                routing_key=message["routing_key"],
                declare=message["declare"],
                headers=message["headers"],
                retry=True,
                retry_policy=message["retry_policy"],
                **message["properties"],
            )


def _sent(send: Callable[[], "AsyncResult[Any]"]) -> tuple["AsyncResult[Any]", dict[str, Any]]:
    """The result of a task to come, and what was published for it."""
    from celery.signals import before_task_publish

    published: dict[str, dict[str, Any]] = {}

    def keep(headers: dict[str, Any], **rest: Any) -> None:
        published[headers["id"]] = {"headers": headers, **rest}

    before_task_publish.connect(keep, weak=False)
    try:
        result = send()
    finally:
        before_task_publish.disconnect(keep)
    return result, published[result.id]
