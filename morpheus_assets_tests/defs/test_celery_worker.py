from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import Ignore
from click.testing import CliRunner
from kombu import Connection, Queue

from morpheus_assets.cli.main import main
from morpheus_assets.defs import celery_worker
from morpheus_assets.defs.celery_worker import MOST_STARTS, StepKillsItsWorker, build_app, renew_leases
from morpheus_assets.settings import load_settings
from morpheus_assets_tests.fixtures.deployment import settings_for
from morpheus_assets_tests.fixtures.redis_server import RedisProcess, redis, redis_program

__all__ = ["redis", "redis_program"]


@pytest.fixture
def app(tmp_path: Path, redis: RedisProcess) -> Iterator[Any]:
    made = build_app(
        settings_for(tmp_path, "postgresql://nobody@127.0.0.1:1/none", executor="celery", celery_broker=redis.url)
    )
    yield made
    made.close()


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.redis
def test_a_step_stays_with_its_worker_while_that_renews_its_hold_and_goes_on_when_it_stops(
    redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
):
    clock = SimpleNamespace(now=1000.0, time=lambda: clock.now)
    monkeypatch.setattr("kombu.transport.redis.time", clock.time)
    monkeypatch.setattr(celery_worker, "time", clock)
    options = {"visibility_timeout": 1, "unacked_mutex_expire": 1}
    queue = Queue("dagster")
    with (
        Connection(redis.url, transport_options=options) as worker,
        Connection(redis.url, transport_options=options) as other,
    ):
        worker.Producer().publish({"step": "chunks"}, routing_key="dagster", declare=[queue])
        mine = queue(worker.default_channel)
        assert mine.get(no_ack=False) is not None

        def abandoned() -> Any:
            other.default_channel.qos.restore_visible(interval=1)
            return queue(other.default_channel).get(no_ack=False)

        for _ in range(5):
            clock.now += 0.9
            assert abandoned() is None
            renew_leases(worker.default_channel)
        clock.now += 1.1
        assert abandoned() is not None


@pytest.mark.redis
def test_a_hold_that_was_given_up_is_not_renewed_into_being(redis: RedisProcess):
    queue = Queue("dagster")
    with Connection(redis.url) as worker:
        worker.Producer().publish({"step": "chunks"}, routing_key="dagster", declare=[queue])
        message = queue(worker.default_channel).get(no_ack=False)
        held = dict(worker.default_channel.qos._delivered)
        message.ack()
        worker.default_channel.qos._delivered.update(held)
        renew_leases(worker.default_channel)
        assert worker.default_channel.client.zcard("unacked_index") == 0


@pytest.mark.redis
def test_a_step_that_is_given_out_again_after_it_was_done_is_left_out(app: Any):
    task = app.tasks["execute_plan"]
    task.before_start("one", (), {})
    app.backend.mark_as_done("one", ["an event"])
    with pytest.raises(Ignore):
        task.before_start("one", (), {})


@pytest.mark.redis
def test_a_step_that_takes_one_worker_after_the_other_with_it_is_given_up(app: Any):
    task = app.tasks["execute_plan"]
    for _ in range(MOST_STARTS):
        task.before_start("one", (), {})
    with pytest.raises(StepKillsItsWorker, match=f"started {MOST_STARTS} times.*lack of memory"):
        task.before_start("one", (), {})
    task.before_start("another", (), {})


@pytest.mark.redis
def test_what_a_worker_was_given_outlives_it(app: Any):
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.connection_for_write().transport_options["visibility_timeout"] == 45


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "nothing to do with MORPHEUS_EXECUTOR=in_process"),
        ({"MORPHEUS_EXECUTOR": "celery"}, "needs MORPHEUS_CELERY_BROKER"),
        ({"MORPHEUS_EXECUTOR": "celery", "MORPHEUS_CELERY_BROKER": "redis://127.0.0.1:1/0"}, "does not answer"),
        ({"MORPHEUS_EXECUTOR": "nomad"}, "MORPHEUS_EXECUTOR is wrong: Input should be 'in_process'"),
    ],
)
@pytest.mark.usefixtures("fresh_settings")
def test_a_worker_that_cannot_work_says_why_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
):
    for name in ("MORPHEUS_EXECUTOR", "MORPHEUS_CELERY_BROKER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(main, ["worker"])
    assert answer.exit_code == 1
    assert sentence in answer.output
    assert len(answer.output.strip().splitlines()) == 1
