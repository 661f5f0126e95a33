import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import TaskRevokedError
from kombu import Connection, Queue
from redis import Redis

from morpheus_assets.defs import sent_steps
from morpheus_assets.defs.executors import celery_executor
from morpheus_assets.defs.sent_steps import SentStep
from morpheus_assets.services.celery_broker import LEASE_SECONDS, PATIENCE_SECONDS, RESTORE_SECONDS, BrokerUnusable
from morpheus_assets_tests.fixtures.deployment import settings_for
from morpheus_assets_tests.fixtures.redis_server import RedisProcess, redis, redis_program
from morpheus_assets_tests.fixtures.waiting import ManualClock

__all__ = ["redis", "redis_program"]

pytestmark = pytest.mark.redis


class Run:
    """A run that has sent one step and looks each second whether it has ended."""

    def __init__(self, app: Any, clock: ManualClock, priority: int = 5, queue: str = "dagster") -> None:
        from dagster_celery.tasks import create_task

        self._clock = clock
        task = create_task(app, shared=False).si(execute_step_args_packed={"run_id": "one"}, executable_dict={})
        self.step = SentStep(
            app, lambda: task.apply_async(priority=priority, queue=queue, routing_key=f"{queue}.execute_plan")
        )

    def waits(self, seconds: float) -> bool:
        """Whether the step is still not done after so long."""
        for _ in range(round(seconds)):
            self._clock.sleep(1)
            if self.step.ready():
                return False
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    made = ManualClock()
    monkeypatch.setattr(sent_steps, "time", made)
    return made


@pytest.fixture
def app(tmp_path: Path, redis: RedisProcess) -> Iterator[Any]:
    from dagster_celery.make_app import make_app

    settings = settings_for(tmp_path, "postgresql://nobody@127.0.0.1:1/none", celery_broker=redis.url)
    made = make_app(celery_executor(settings).app_args())
    yield made
    made.close()


class Worker:
    """Takes what waits in the queue as Celery's does, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.queue = "dagster"

    def take(self) -> list[Any]:
        """The tasks, noted as held."""
        with Connection(self._url) as connection:
            channel = connection.default_channel
            channel.qos.restore_at_shutdown = False
            queue = Queue(self.queue)(channel)
            queue.queue_declare()
            return list(iter(lambda: queue.get(no_ack=False), None))

    def take_and_die(self) -> list[str]:
        """The ids of the tasks, of which it dies before it could note that it holds them."""
        with Redis.from_url(self._url) as client:
            lists = [name for name in client.keys(f"{self.queue}*") if client.type(name) == b"list"]
            tasks = [json.loads(task) for name in lists for task in client.lrange(name, 0, -1)]
            client.delete(*lists)
        return [task["headers"]["id"] for task in tasks]


@pytest.fixture
def worker(redis: RedisProcess) -> Worker:
    return Worker(redis.url)


@pytest.mark.parametrize("priority", [0, 5, 9])
def test_a_step_that_no_worker_has_taken_yet_is_not_sent_again(
    app: Any, clock: ManualClock, worker: Worker, priority: int
):
    run = Run(app, clock, priority)
    assert run.waits(10 * LEASE_SECONDS)
    assert len(worker.take()) == 1


def test_a_step_that_a_worker_holds_is_not_sent_again(app: Any, clock: ManualClock, worker: Worker):
    run = Run(app, clock)
    assert len(worker.take()) == 1
    assert run.waits(10 * LEASE_SECONDS)
    assert worker.take() == []


@pytest.mark.parametrize("priority", [0, 5, 9])
def test_a_step_that_is_lost_with_its_worker_is_sent_again_under_its_id(
    app: Any, clock: ManualClock, worker: Worker, priority: int
):
    run = Run(app, clock, priority)
    lost = worker.take_and_die()
    assert run.waits(LEASE_SECONDS + RESTORE_SECONDS + 1)
    [task] = worker.take()
    assert [task.headers["id"]] == lost
    assert task.payload[1] == {"execute_step_args_packed": {"run_id": "one"}, "executable_dict": {}}
    assert task.properties["priority"] == priority
    app.backend.mark_as_done(task.headers["id"], ["an event"])
    assert not run.waits(1)
    assert run.step.get() == ["an event"]


def test_a_step_goes_back_into_the_queue_that_its_asset_asks_for(app: Any, clock: ManualClock, worker: Worker):
    worker.queue = "large-machines"
    run = Run(app, clock, queue=worker.queue)
    assert run.waits(3 * LEASE_SECONDS)
    lost = worker.take_and_die()
    assert run.waits(LEASE_SECONDS + RESTORE_SECONDS + 1)
    assert [task.headers["id"] for task in worker.take()] == lost


def test_a_step_is_sent_again_as_often_as_it_is_lost_and_its_neighbours_are_not(
    app: Any, clock: ManualClock, worker: Worker
):
    runs = [Run(app, clock) for _ in range(3)]
    first, *held = worker.take()
    for _ in range(3):
        with Redis.from_url(app.conf.broker_url) as client:
            client.hdel("unacked", first.delivery_tag)
        assert all(run.waits(LEASE_SECONDS + RESTORE_SECONDS + 1) for run in runs)
        [again] = worker.take()
        assert again.headers["id"] == first.headers["id"]
        first = again
    assert len(held) == 2


def test_a_step_that_is_on_its_way_into_a_workers_hands_when_it_is_looked_for_is_not_sent_again(
    app: Any, clock: ManualClock, worker: Worker
):
    run = Run(app, clock)
    with Redis.from_url(app.conf.broker_url) as client:
        [name] = [name for name in client.keys("dagster*") if client.type(name) == b"list"]
        task = client.rpop(name)
        assert run.waits(LEASE_SECONDS + 1)
        client.lpush(name, task)
    assert len(worker.take()) == 1
    assert run.waits(10 * LEASE_SECONDS)
    assert worker.take() == []


def test_a_step_outlives_a_broker_that_starts_again_without_its_data(
    app: Any, clock: ManualClock, worker: Worker, redis: RedisProcess
):
    run = Run(app, clock)
    redis.stop()
    redis.start()
    assert run.waits(LEASE_SECONDS + RESTORE_SECONDS + 1)
    assert len(worker.take()) == 1


def test_a_run_waits_for_a_broker_that_is_away_and_gives_up_with_a_sentence(
    app: Any, clock: ManualClock, worker: Worker, redis: RedisProcess
):
    run = Run(app, clock)
    for _ in range(2):
        redis.stop()
        assert run.waits(PATIENCE_SECONDS - 1)
        redis.start()
        assert run.waits(LEASE_SECONDS + RESTORE_SECONDS + 1)
    assert len(worker.take()) == 1
    redis.stop()
    with pytest.raises(BrokerUnusable, match=r"MORPHEUS_CELERY_BROKER.*not answered for 10 minutes: start it"):
        run.waits(PATIENCE_SECONDS + 1)
    # when a result is collected, Celery takes leave of its channel
    redis.start()
    del run
    gc.collect()


def test_a_broker_that_goes_away_between_two_looks_is_waited_for_too(
    app: Any, clock: ManualClock, redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
):
    run = Run(app, clock)
    # the result is asked for over another connection
    monkeypatch.setattr(run.step._result, "ready", lambda: False)
    redis.stop()
    assert run.waits(LEASE_SECONDS + 1)
    redis.start()
    assert run.waits(LEASE_SECONDS)
    del run
    monkeypatch.undo()
    gc.collect()


def test_a_user_who_may_not_look_for_a_step_waits_for_it_all_the_same(app: Any, clock: ManualClock):
    run = Run(app, clock)
    with Redis.from_url(app.conf.broker_url) as client:
        client.execute_command("ACL", "SETUSER", "default", "-eval")
    assert run.waits(LEASE_SECONDS + PATIENCE_SECONDS + 1)


def test_a_step_that_was_taken_back_ends_although_it_was_lost(app: Any, clock: ManualClock, worker: Worker):
    run = Run(app, clock)
    [lost] = worker.take_and_die()
    run.step.revoke()
    assert run.waits(LEASE_SECONDS + RESTORE_SECONDS + 1)
    [task] = worker.take()
    # what a worker does with it, who heard that it is taken back
    app.backend.mark_as_revoked(task.headers["id"])
    assert task.headers["id"] == lost
    assert not run.waits(1)
    with pytest.raises(TaskRevokedError):
        run.step.get()
