import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickData, TickStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from sqlalchemy import Engine, create_engine, event, inspect, make_url, text

from morpheus_assets.settings import PROJECT_FOLDER
from morpheus_assets_tests.fixtures.deployment import RANGE_END, RANGE_START
from morpheus_assets_tests.fixtures.waiting import eventually

NAMES = ["anna", "emma", "ida"]
NOVELS = dg.DynamicPartitionsDefinition(name="novels")


@dg.asset(partitions_def=NOVELS)
def first() -> None: ...


@dg.asset(partitions_def=NOVELS, deps=[first])
def second() -> None: ...


@pytest.fixture
def instance(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance with the storage of the project's dagster.yaml, on a database of its own."""
    storage = (PROJECT_FOLDER / "dagster.yaml").read_text(encoding="utf-8").split("\nrun_queue")[0]
    (tmp_path / "dagster.yaml").write_text(storage + "\ntelemetry: {enabled: false}\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_PG_URL", database_url.replace("+psycopg", "+psycopg2"))
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def materialize(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions("novels", NAMES)
    job = dg.Definitions([first, second]).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, tags={RANGE_START: NAMES[0], RANGE_END: NAMES[-1]})


def test_the_project_keeps_its_connections_to_dagsters_database(instance: dg.DagsterInstance):
    opened: list[None] = []
    [engine] = {each._engine for each in (instance.run_storage, instance.event_log_storage, instance.schedule_storage)}
    event.listen(engine, "connect", lambda *_: opened.append(None))
    assert materialize(instance).success
    assert len(opened) <= 5


def test_runs_that_begin_at_the_same_moment_make_a_pool_once(instance: dg.DagsterInstance):
    storage = instance.event_log_storage
    instance._settings = {**(instance._settings or {}), "concurrency": {"pools": {"default_limit": 2}}}
    assert instance.global_op_concurrency_default_limit == 2
    for _ in range(2):
        assert storage.initialize_concurrency_limit_to_default("openai")
    assert storage.get_concurrency_info("openai").slot_count == 2


@pytest.mark.parametrize("size", [0, 2, 100])
def test_planned_and_made_partitions_are_known_whether_events_are_batched_or_not(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, size: int
):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", str(size))
    result = materialize(instance)
    for asset in (first, second):
        assert set(instance.get_materialized_partitions(asset.key)) == set(NAMES)
        [record] = instance.get_asset_records([asset.key])
        assert record.asset_entry.last_run_id == result.run_id
        planned = [
            entry.dagster_event.partition
            for entry in instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
            if entry.dagster_event and entry.dagster_event.asset_key == asset.key
        ]
        assert sorted(planned) == NAMES


def test_what_a_run_tells_is_written_in_batches_in_the_order_in_which_it_was_told(instance: dg.DagsterInstance):
    inserts: list[str] = []
    [engine] = {instance.event_log_storage._engine}
    event.listen(engine, "before_cursor_execute", lambda *call: inserts.append(call[2]))
    result = materialize(instance)
    told = [entry.dagster_event_type for entry in instance.all_logs(result.run_id)]
    of_events = [statement for statement in inserts if statement.startswith("INSERT INTO event_logs")]
    assert len(of_events) < len(told) / 2
    steps = [kind for kind in told if kind and kind.value in ("STEP_START", "ASSET_MATERIALIZATION", "STEP_SUCCESS")]
    assert [kind.value for kind in steps] == 2 * ["STEP_START", *3 * ["ASSET_MATERIALIZATION"], "STEP_SUCCESS"]
    assert told[-1] in (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.ENGINE_EVENT)


@dg.asset_check(asset=first)
def is_whole() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=first, partitions_def=NOVELS)
def is_whole_in_each() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=second)
def never_looks() -> dg.AssetCheckResult:
    raise dg.Failure("no text")


def test_the_checks_of_a_run_are_planned_in_one_statement_and_known_as_planned_and_as_done(
    instance: dg.DagsterInstance,
):
    asked: list[str] = []
    [engine] = {instance.event_log_storage._engine}
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    instance.add_dynamic_partitions("novels", NAMES)
    definitions = dg.Definitions([first, second], asset_checks=[is_whole, is_whole_in_each, never_looks])
    job = definitions.resolve_implicit_global_asset_job_def()
    run = job.execute_in_process(instance=instance, partition_key=NAMES[0], raise_on_error=False)
    assert sum(each.startswith("INSERT INTO asset_check_executions") for each in asked) == 1
    known = {
        check.name: instance.event_log_storage.get_asset_check_execution_history(check, limit=10)
        for check in (*is_whole.check_keys, *is_whole_in_each.check_keys, *never_looks.check_keys)
    }
    [done], [done_in_one], [planned] = known["is_whole"], known["is_whole_in_each"], known["never_looks"]
    assert (done.run_id, done.status) == (run.run_id, AssetCheckExecutionRecordStatus.SUCCEEDED)
    assert (done_in_one.partition, done_in_one.status) == (NAMES[0], AssetCheckExecutionRecordStatus.SUCCEEDED)
    assert (planned.run_id, planned.status) == (run.run_id, AssetCheckExecutionRecordStatus.PLANNED)
    assert planned.event is not None
    assert planned.event.dagster_event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED


@dg.asset(pool="paid")
def third() -> None: ...


def test_a_run_does_not_ask_the_catalog_which_columns_there_are_and_still_works_where_they_are_missing(
    instance: dg.DagsterInstance, tmp_path: Path
):
    asked: list[str] = []
    [engine] = {instance.event_log_storage._engine}
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert materialize(instance).success
    job = dg.Definitions([third]).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance).success
    assert not [each for each in asked if "pg_attribute" in each]
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX idx_runs_by_backfill_id"))
        connection.execute(text("ALTER TABLE runs DROP COLUMN backfill_id"))
    with dg.DagsterInstance.from_config(str(tmp_path)) as of_an_older_version:
        assert job.execute_in_process(instance=of_an_older_version).success


@dg.op
def asks_for_partitions(context: dg.OpExecutionContext) -> None:
    instance, seen = context.instance, []
    for change in (
        lambda: None,
        lambda: instance.add_dynamic_partitions("novels", ["oda"]),
        lambda: instance.delete_dynamic_partition("novels", "anna"),
    ):
        change()
        seen += [sorted(instance.get_dynamic_partitions("novels")) for _ in range(5)]
    assert seen == [*5 * [NAMES], *5 * [[*NAMES, "oda"]], *5 * [[*NAMES[1:], "oda"]]]


def test_a_run_asks_once_a_moment_for_its_partitions_and_sees_what_it_changes(instance: dg.DagsterInstance):
    asked: list[str] = []
    [engine] = {instance.event_log_storage._engine}
    instance.add_dynamic_partitions("novels", NAMES)
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    job = dg.GraphDefinition("asks", node_defs=[asks_for_partitions]).to_job()
    assert job.execute_in_process(instance=instance).success
    assert 3 <= sum("FROM dynamic_partitions" in each and "LIMIT" not in each for each in asked) < 8
    asked.clear()
    for _ in range(3):
        instance.get_dynamic_partitions("novels")
    assert len(asked) == 3, "what is asked outside of a run is asked each time"


@dg.op(config_schema=str)
def waits_until_seen(context: dg.OpExecutionContext) -> None:
    context.log.info("a sign of life")
    other = create_engine(str(context.op_config))
    for _ in range(2000):
        with other.connect() as connection:
            if connection.execute(text("SELECT count(*) FROM event_logs WHERE event LIKE '%a sign of life%'")).scalar():
                other.dispose()
                return
        time.sleep(0.05)
    raise AssertionError("nobody else has seen what the step tells while it works")


def test_others_see_what_a_step_tells_while_it_works(instance: dg.DagsterInstance, database_url: str):
    job = dg.GraphDefinition("waits", node_defs=[waits_until_seen]).to_job()
    configuration = {"ops": {"waits_until_seen": {"config": database_url}}}
    assert job.execute_in_process(instance=instance, run_config=configuration).success


@dg.op
def tells_what_cannot_be_stored(context: dg.OpExecutionContext) -> None:
    context.log.info("before it")
    context.log_event(dg.AssetMaterialization("first", partition="a\0b"))


def test_an_event_that_cannot_be_stored_takes_no_other_with_it(instance: dg.DagsterInstance):
    job = dg.GraphDefinition("tells", node_defs=[tells_what_cannot_be_stored]).to_job()
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.is_finished
    told = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "before it" in " ".join(told)


def test_what_a_step_tells_waits_for_a_database_that_is_away(
    instance: dg.DagsterInstance, engine: Engine, database_url: str
):
    result = materialize(instance)
    [told, *_] = [entry for entry in instance.all_logs(result.run_id) if entry.step_key]
    before = len(instance.all_logs(result.run_id))
    name = make_url(database_url).database
    elsewhere = create_engine(make_url(database_url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    engine.dispose()
    with elsewhere.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
        try:
            gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name"
            connection.execute(text(gone), {"name": name})
            instance.event_log_storage.store_event(told)
            # it is tried meanwhile, in vain
            time.sleep(0.5)
        finally:
            connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
    elsewhere.dispose()
    assert len(instance.all_logs(result.run_id)) == before + 1


def test_it_goes_on_when_the_server_ended_its_connection(instance: dg.DagsterInstance, engine: Engine):
    instance.get_dynamic_partitions("novels")
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert materialize(instance).success


def test_nothing_stays_open_when_the_instance_is_left(database_url: str, engine: Engine, instance: dg.DagsterInstance):
    materialize(instance)
    instance.__exit__(None, None, None)
    with engine.connect() as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        # the server takes a moment to notice that one has left
        assert eventually(lambda: connection.execute(text(others)).scalar_one() == 0, 20)


def test_of_processes_that_begin_together_one_at_a_time_makes_the_tables(dagster_database_url: str):
    program = (
        "import sys; from morpheus_assets.defs.storage import PooledPostgresStorage as Storage; print(flush=True);"
        " Storage(sys.argv[1]); print(flush=True)"
    )
    engine = create_engine(dagster_database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext('dagster tables'))"))
        process = subprocess.Popen(
            [sys.executable, "-c", program, dagster_database_url], stdout=subprocess.PIPE, cwd=PROJECT_FOLDER
        )
        assert process.stdout is not None
        process.stdout.readline()
        assert not select.select([process.stdout], [], [], 1.0)[0], "another one is making them"
        assert not inspect(engine).get_table_names()
        connection.execute(text("SELECT pg_advisory_unlock_all()"))
        assert process.wait(120) == 0
    assert {"runs", "event_logs", "jobs"} <= set(inspect(engine).get_table_names())
    engine.dispose()


@pytest.mark.parametrize(
    ("status", "days", "left"),
    [
        (TickStatus.SKIPPED, 1, [0]),
        # as of schedules, and of a dagster.yaml that says so
        (TickStatus.SKIPPED, 7, [0, 2, 30]),
        (TickStatus.SUCCESS, 30, [0, 2, 30]),
    ],
)
def test_of_ticks_that_found_nothing_an_hour_is_kept(
    instance: dg.DagsterInstance, status: TickStatus, days: int, left: list[int]
):
    now = time.time()
    for hours in (0, 2, 30):
        moment = now - hours * 3600
        instance.create_tick(
            TickData("origin", "new_novels_sensor", InstigatorType.SENSOR, status, moment, [], selector_id="sensor")
        )
    instance.create_tick(TickData("else", "other", InstigatorType.SENSOR, status, now - 7200, [], selector_id="other"))
    instance.purge_ticks("origin", "sensor", now - days * 86_400, [status])
    kept = [round((now - tick.timestamp) / 3600) for tick in instance.get_ticks("origin", "sensor")]
    assert sorted(kept) == left
    assert len(instance.get_ticks("else", "other")) == 1
