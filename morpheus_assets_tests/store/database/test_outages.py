import signal
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from morpheus_assets.store.database.outages import retry_while_down
from morpheus_assets.store.database.transactions import transaction


class Interrupted(BaseException):
    """As a signal's handler raises it."""


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
    def sleep_in_postgres() -> None:
        with transaction(engine) as connection:
            connection.execute("SELECT pg_sleep(3)")

    started = time.monotonic()
    with pytest.raises(Interrupted):
        retry_while_down(sleep_in_postgres)
    assert time.monotonic() - started < 2.5
