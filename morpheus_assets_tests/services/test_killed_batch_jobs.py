"""kill -9 of a process that submits or collects batch jobs, at each point of its way."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine

from morpheus_assets.services.batch_jobs import collect_jobs, submit_plan
from morpheus_assets.services.reembedding_plan import make_plan
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.spending import spending_totals
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.batch_jobs import end_batch_job, open_batch_jobs
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets_tests.defs.model_change import add_novel, bodies_of, make_settings, names
from morpheus_assets_tests.fixtures.batch_server import BatchServer, batch_server
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.waiting import eventually
from morpheus_assets_tests.services.batch_process import start

pytestmark = pytest.mark.slow

SPACE = "openai/text-embedding-3-large@96"
INPUTS, MOST = 1400, 1000
# What is killed, at which call, when, and at the how manieth one; the second jobs' points stand for those in between.
POINTS = [
    ("submit", "POST /files", "before", 1),
    ("submit", "POST /files", "after", 1),
    ("submit", "POST /batches", "before", 1),
    ("submit", "POST /batches", "after", 1),
    ("submit", "POST /files", "after", 2),
    ("submit", "POST /batches", "after", 2),
    ("collect", "GET /batches/ID", "after", 1),
    ("collect", "GET /files/ID/content", "before", 1),
    ("collect", "GET /files/ID/content", "half", 1),
    ("collect", "GET /batches/ID", "before", 2),
]


class Killed:
    """Kills the process that is at work when a call comes for the nth time."""

    def __init__(self, nth: int) -> None:
        self.nth, self.process = nth, None

    def __call__(self) -> None:
        self.nth -= 1
        if self.nth == 0 and self.process is not None:
            # Waited for by the test alone: of two that ask for its end, one is told 255.
            self.process.kill()
            psutil.Process(self.process.pid).wait(100)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with batch_server() as made:
        yield made


@pytest.fixture
def values(engine: Engine, database_url: str, server: BatchServer, tmp_path: Path) -> dict[str, Any]:
    for novel in names(2):
        add_novel(engine, novel, bodies_of(novel, INPUTS // 2))
    made = make_settings(database_url, server.url, tmp_path, SPACE)
    given = {name: getattr(made, name) for name in made.model_fields_set}
    return {**given, "database_url": database_url, "openai_api_key": "sk-test"}


def run(work: str, values: dict[str, Any]) -> BaseProcess:
    process = start(work, values, MOST)
    return process


def collect(engine: Engine, settings: Settings, later: timedelta = timedelta(0)) -> None:
    for done in collect_jobs(engine, settings, lambda *_: iter(()), print, now=datetime.now(UTC) + later):
        end_batch_job(engine, done.job)


def wait_until(true: Callable[[], bool]) -> None:
    assert eventually(true, every=0.01)


def check_whole_and_sent_once(
    engine: Engine, settings: Settings, server: BatchServer, fault_row: FaultRow, fault: str
) -> None:
    killed = time.monotonic()
    server.hooks.clear()
    server.end()
    collect(engine, settings)
    collect(engine, settings, timedelta(minutes=11))
    for plan in make_plan(engine, settings, batch=True).spaces:
        submit_plan(engine, settings, plan, print)
    server.end()
    collect(engine, settings)
    [row] = spaces.list_spaces(engine)
    assert coverage(engine, row).present == INPUTS
    assert open_batch_jobs(engine) == []
    assert set(server.accepted.values()) == {1}, "nothing that was accepted is sent twice"
    [spent] = spending_totals(engine)
    assert (spent.inputs, spent.uncertain_inputs) == (INPUTS, 0), "each is booked once"
    lost, twice = INPUTS - coverage(engine, row).present, sum(server.accepted.values()) - len(server.accepted)
    fault_row(fault, lost=lost, paid_twice=twice, seconds=time.monotonic() - killed)


@pytest.mark.parametrize(("work", "call", "when", "nth"), POINTS)
def test_a_killed_process_sends_nothing_twice_and_loses_nothing(
    engine, server, values, work, call, when, nth, fault_row: FaultRow
):
    settings = Settings(_env_file=None, **values)
    if work == "collect":
        process = start("submit", values, MOST)
        process.join(600)
        server.end()
    killed = Killed(nth)
    server.hooks[call, when] = killed
    killed.process = start(work, values, MOST)
    killed.process.join(600)
    assert killed.process.exitcode == -9
    fault = f"kill -9 of the {work} of a batch job, {when} call {nth} of {call}"
    check_whole_and_sent_once(engine, settings, server, fault_row, fault)


def test_a_process_killed_between_two_slices_goes_on_where_it_was(engine, server, values, fault_row: FaultRow):
    settings = Settings(_env_file=None, **values)
    start("submit", values, MOST).join(600)
    server.end()
    process = start("collect", values, MOST)
    [row] = spaces.list_spaces(engine)
    wait_until(lambda: coverage(engine, row).present > 0)
    process.kill()
    process.join()
    assert coverage(engine, row).present > 0
    fault = "kill -9 of the collection of a batch job between two slices"
    check_whole_and_sent_once(engine, settings, server, fault_row, fault)
