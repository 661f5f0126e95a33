from pathlib import Path

import dagster as dg
import pytest
from pydantic import ValidationError

from morpheus_assets.definitions import build_definitions
from morpheus_assets.defs.executors import build_executor, celery_executor
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.services import celery_broker
from morpheus_assets.services.celery_broker import BrokerUnusable, check_broker
from morpheus_assets.settings import Settings
from morpheus_assets_tests.fixtures.deployment import settings_for
from morpheus_assets_tests.fixtures.redis_server import RedisProcess, redis, redis_program

__all__ = ["redis", "redis_program"]

NOBODY = "redis://:very-secret@127.0.0.1:1/0"


def settings(folder: Path, **values: object) -> Settings:
    return settings_for(folder, "postgresql://nobody@127.0.0.1:1/none", **values)


@pytest.mark.parametrize(
    ("word", "name", "novels"),
    [
        ("in_process", "in_process", 50),
        ("multiprocess", "multiprocess", 50),
        ("celery", "celery", 5),
        ("k8s", "k8s", 5),
    ],
)
def test_one_word_chooses_where_steps_run_and_how_many_novels_share_a_run(
    tmp_path: Path, word: str, name: str, novels: int
):
    repository = build_definitions(settings(tmp_path, executor=word, celery_broker=NOBODY)).get_repository_def()
    assert repository.get_job("ingest_novels").executor_def.name == name
    assets = repository.assets_defs_by_key.values()
    policies = {asset.backfill_policy for asset in assets if asset.partitions_def is not None}
    assert policies == {dg.BackfillPolicy.multi_run(novels)}


def test_the_number_of_novels_in_a_run_can_be_said(tmp_path: Path):
    assert settings(tmp_path, executor="celery", novels_per_run=20).batch_of_novels == 20


def test_an_unknown_word_is_refused_with_the_words_there_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MORPHEUS_EXECUTOR", "nomad")
    with pytest.raises(ValidationError, match="'in_process', 'multiprocess', 'celery' or 'k8s'"):
        Settings(_env_file=None)


def test_celery_without_a_broker_or_with_another_kind_of_broker_says_so(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="needs MORPHEUS_CELERY_BROKER"):
        build_executor(settings(tmp_path, executor="celery"))
    with pytest.raises(ConfigurationError, match="is no address of a Redis") as refusal:
        build_executor(settings(tmp_path, executor="celery", celery_broker="amqp://u:very-secret@host//"))
    assert "very-secret" not in str(refusal.value)


@pytest.mark.parametrize("word", ["celery", "k8s"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
):
    monkeypatch.setattr(celery_broker, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=rf"needs the package dagster-{word}: .*'\.\[{word}\]'"):
        build_executor(settings(tmp_path, executor=word, celery_broker=NOBODY))


def test_a_broker_that_does_not_answer_is_named_without_its_password(tmp_path: Path):
    with pytest.raises(BrokerUnusable, match=r"127\.0\.0\.1:1 \(MORPHEUS_CELERY_BROKER\) does not answer") as refusal:
        check_broker(settings(tmp_path, celery_broker=NOBODY))
    assert "very-secret" not in str(refusal.value)


def test_a_run_says_that_the_broker_is_away_before_its_first_step(tmp_path: Path):
    executor = celery_executor(settings(tmp_path, executor="celery", celery_broker=NOBODY))
    with pytest.raises(BrokerUnusable, match="does not answer"):
        executor.execute(None, None)


@pytest.mark.redis
def test_a_redis_that_throws_keys_away_is_no_broker(tmp_path: Path, redis_program: str):
    server = RedisProcess(redis_program, tmp_path, "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    server.start()
    try:
        with pytest.raises(BrokerUnusable, match=r"allkeys-lru.*noeviction"):
            check_broker(settings(tmp_path, celery_broker=server.url))
    finally:
        server.stop()


@pytest.mark.redis
def test_a_redis_that_keeps_its_keys_is_a_broker(tmp_path: Path, redis: RedisProcess):
    check_broker(settings(tmp_path, celery_broker=redis.url))


def test_the_brokers_password_is_in_nothing_that_dagster_shows(tmp_path: Path):
    definitions = build_definitions(settings(tmp_path, executor="celery", celery_broker=NOBODY))
    job = definitions.resolve_job_def("ingest_novels")
    schema = job.run_config_schema.config_type
    assert "very-secret" not in repr(job.executor_def.config_schema) + repr(schema) + repr(job.get_job_snapshot())
