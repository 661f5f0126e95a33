import re
import signal
import time
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from morpheus_assets.store.database import outages
from morpheus_assets.store.database.outages import retry_while_down
from morpheus_assets.store.database.transactions import transaction
from morpheus_assets_tests.fixtures.waiting import ManualClock


class Interrupted(BaseException):
    """As a signal's handler raises it."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    made = ManualClock()
    monkeypatch.setattr(outages, "time", made)
    return made


@pytest.fixture
def soon_interrupted() -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_an_interrupt_within_a_query_ends_the_work_and_is_not_taken_for_a_lost_server(
    engine: Engine, soon_interrupted: None
):
    begun = []

    def sleep_in_postgres() -> None:
        begun.append(time.monotonic())
        with transaction(engine) as connection:
            connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(Interrupted):
        retry_while_down(sleep_in_postgres)
    [started] = begun
    assert time.monotonic() - started < 50


def fault(state: str, text: str = "") -> psycopg.Error:
    return psycopg.errors.lookup(state)(text)


def wrapped(error: psycopg.Error) -> DBAPIError:
    return OperationalError("SELECT 1", {}, error)


def behind(cause: BaseException, error: Exception) -> Exception:
    error.__context__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        fault("08006"), fault("57P01"), fault("57P02"), fault("57P03"), wrapped(fault("57P01")),
        psycopg.OperationalError("connection refused"), psycopg.InterfaceError("the connection is closed"),
    ],
)  # fmt: skip
def test_a_server_that_restarts_or_cannot_be_reached_passes_by_itself(error: Exception):
    assert outages.passes_by_itself(error)
    assert "was lost, and it did not come back in time" in str(outages.sentence_for(error))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (fault("53100"), "disk is full"),
        (wrapped(fault("53100")), "disk is full"),
        (fault("58030", "could not extend file: No space left on device"), "cannot read or write its files"),
        (fault("XX000", "could not extend file: No space left on device"), "disk is full"),
        (fault("53200"), "out of memory"),
        (fault("53300"), "no connection left"),
        (fault("25006"), "only allows reading"),
        (fault("42501"), "refuses this user a right"),
        (fault("57014", "canceling statement due to statement timeout"), r"cancelled a statement, .*statement_timeout"),
        (fault("22P02", "invalid input.\nLINE 1: x"), r"the work \(invalid input\): look at its log"),
        (fault("XX000", ""), r"the work \(InternalError_\)"),
        (psycopg.ProgrammingError("no state"), r"the work \(no state\)"),
    ],
)
def test_what_only_a_person_can_mend_is_named_with_its_remedy_and_does_not_pass(error: Exception, says: str):
    assert not outages.passes_by_itself(error)
    sentence = outages.sentence_for(error)
    assert re.search(says, str(sentence))
    assert str(sentence).endswith("Nothing that was stored is lost.")


def test_what_is_no_fault_of_the_database_is_not_explained_as_one():
    assert outages.sentence_for(ValueError("x")) is None
    assert not outages.passes_by_itself(ValueError("x"))


def test_an_interruption_is_found_behind_the_errors_that_it_left():
    interruption = KeyboardInterrupt()
    hidden = behind(behind(interruption, RuntimeError("the rollback failed")), psycopg.OperationalError("busy"))
    assert outages.interruption_behind(hidden) is interruption
    assert not outages.passes_by_itself(hidden)
    raised = psycopg.OperationalError("busy")
    raised.__cause__, raised.__context__ = interruption, ValueError("handled before")
    assert outages.interruption_behind(raised) is interruption
    assert outages.interruption_behind(behind(ValueError("x"), psycopg.OperationalError("y"))) is None


class Failing:
    """What fails so often with an error and then answers; it counts how often it was called."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "the answer"


@pytest.mark.parametrize("error", [psycopg.OperationalError("away"), wrapped(fault("57P01")), fault("53300")])
def test_what_passes_is_waited_for_and_asked_again(error: Exception, clock: ManualClock):
    failing = Failing(error, 2)
    assert retry_while_down(failing) == "the answer"
    assert clock.slept == [0.1, 0.2]
    assert failing.calls == 3


@pytest.mark.parametrize("error", [fault("42501"), ValueError("x"), wrapped(fault("53100"))])
def test_what_does_not_pass_is_raised_at_once(error: Exception):
    failing = Failing(error, 1)
    with pytest.raises(type(error)):
        retry_while_down(failing)
    assert failing.calls == 1


@pytest.mark.parametrize(("error", "patience"), [(fault("53300"), "FULL_PATIENCE_SECONDS"),
                                                 (fault("57P03"), "PATIENCE_SECONDS")])  # fmt: skip
def test_what_does_not_come_back_is_raised_when_its_time_is_over(
    error: psycopg.Error, patience: str, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
):
    for name, seconds in (("PATIENCE_SECONDS", 60.0), ("FULL_PATIENCE_SECONDS", 60.0), (patience, 0.2)):
        monkeypatch.setattr(outages, name, seconds)
    failing = Failing(error, 100)
    with pytest.raises(psycopg.Error):
        retry_while_down(failing)
    assert failing.calls == 3
    monkeypatch.setattr(outages, patience, 60.0)
    failing = Failing(error, 100)
    with pytest.raises(psycopg.Error):
        retry_while_down(failing, seconds=0.05)
    assert failing.calls == 2


def test_the_pauses_between_two_tries_grow_up_to_two_seconds(clock: ManualClock):
    assert retry_while_down(Failing(psycopg.OperationalError("away"), 7)) == "the answer"
    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_an_interruption_that_an_error_hides_is_raised_itself():
    with pytest.raises(KeyboardInterrupt):
        retry_while_down(Failing(behind(KeyboardInterrupt(), psycopg.OperationalError("busy")), 1))
