import asyncio
import time

import pytest
from sqlalchemy import event

from morpheus_assets.api.embedding import budget as shared_budget
from morpheus_assets.api.embedding.budget import PatientBudget, SharedBudget
from morpheus_assets.embedding.rate_limits import ObservedLimits
from morpheus_assets.store.accounts.rate_limits import BudgetExhausted, PostgresBudget
from morpheus_assets.store.database import outages
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets_tests.fixtures.waiting import HeldSleeps, ManualClock, noted_sleeps


def held_up(engine, budget: SharedBudget, taking: list[tuple[int, int]]) -> list[bool]:
    """Which of some bookings return while somebody else holds the account."""

    async def run() -> list[bool]:
        await budget.take(1, 1)
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT FROM rate_limits FOR UPDATE")
            tasks = [asyncio.create_task(budget.take(*amounts)) for amounts in taking]
            await asyncio.sleep(0.3)
            waiting = [not task.done() for task in tasks]
        await asyncio.gather(*tasks)
        if budget._booking is not None:
            await budget._booking
        return waiting

    return asyncio.run(run())


def test_a_question_does_not_wait_for_its_booking_while_most_of_the_budget_is_free(engine) -> None:
    budget = SharedBudget(PostgresBudget(engine, "fake", 500, 100_000))
    assert held_up(engine, budget, [(1, 100)] * 3) == [False] * 3
    assert booked(engine) == (4, 301), "it is booked all the same"


def test_no_more_than_a_hundredth_of_a_minute_is_sent_before_it_is_booked(engine) -> None:
    budget = SharedBudget(PostgresBudget(engine, "fake", 200, 100_000))
    assert held_up(engine, budget, [(1, 10)] * 4) == [False, False, True, True]
    budget = SharedBudget(PostgresBudget(engine, "other", 500, 10_000))
    assert held_up(engine, budget, [(1, 60), (1, 60)]) == [False, True]


def test_a_budget_that_is_half_used_is_asked_before_anything_is_sent(engine) -> None:
    asyncio.run(PostgresBudget(engine, "fake", 100, None).take(60, 1))
    budget = SharedBudget(PostgresBudget(engine, "fake", 100, None))
    assert held_up(engine, budget, [(1, 1)]) == [True]


def booked(engine) -> tuple[int, int]:
    """Requests and tokens that stand in all accounts."""
    with engine.connect() as connection:
        accounts = connection.exec_driver_sql("SELECT recent FROM rate_limits").scalars().all()
    slots = [slot for account in accounts for slot in account]
    return sum(int(slot[1]) for slot in slots), sum(int(slot[2]) for slot in slots)


def test_who_fits_is_booked_although_others_of_the_same_moment_do_not(engine) -> None:
    async def run() -> list[float | None]:
        await PostgresBudget(engine, "fake", None, 1000).take(1, 900)
        budget = SharedBudget(PostgresBudget(engine, "fake", None, 1000))

        async def ask(tokens: int, within: float) -> float | None:
            try:
                await budget.take(1, tokens, within)
            except BudgetExhausted as refused:
                return refused.retry_after
            return None

        return await asyncio.gather(ask(500, 0.5), ask(60, 0.5), ask(30, 0.5), ask(20, 0.5))

    large, middle, *small = asyncio.run(run())
    assert small == [None, None]
    assert large == pytest.approx(61.5, abs=2)
    assert middle == pytest.approx(61.5, abs=2)
    assert booked(engine) == (3, 950)


def test_who_may_wait_longer_is_tried_where_a_smaller_one_found_no_room_soon(engine) -> None:
    async def run() -> list[bool]:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO rate_limits (provider, recent) VALUES ('fake', jsonb_build_array(jsonb_build_array("
                "extract(epoch FROM clock_timestamp())::float8 - 61, 1, 1000)))"
            )
        budget = SharedBudget(PostgresBudget(engine, "fake", None, 1000))
        taken = await asyncio.gather(
            budget.take(1, 10, 0.1), budget.take(1, 20, 0.1), budget.take(1, 30, 5.0), return_exceptions=True
        )
        return [isinstance(each, BudgetExhausted) for each in taken]

    assert asyncio.run(run()) == [True, True, False]


def test_corrections_of_a_moment_are_written_together(engine) -> None:
    async def run(sleeps: HeldSleeps) -> list[tuple[int, int]]:
        budget = SharedBudget(PostgresBudget(engine, "fake", None, 1000))
        await budget.take(1, 700)
        found = []

        async def written(moments: int) -> tuple[int, int]:
            await sleeps.until(moments)
            sleeps.wake()
            await budget._settling
            return await asyncio.to_thread(booked, engine)

        for charged in ((100, 40), (50, 30), (7, 7)):
            await budget.settle(*charged)
        found.append(await asyncio.to_thread(booked, engine))
        found.append(await written(1))
        await budget.settle(10, 5)
        found.append(await written(2))
        return found

    with HeldSleeps() as sleeps:
        assert asyncio.run(run(sleeps)) == [(1, 700), (1, 620), (1, 615)]
    assert sleeps.asked == [1.0, 1.0]


def test_a_pause_and_lower_limits_hold_for_who_is_patient_until_a_moment(engine) -> None:
    async def run() -> tuple[float, float, bool]:
        budget = SharedBudget(PostgresBudget(engine, "fake", None, 1000))
        await PatientBudget(budget, time.monotonic() + 50).take(1, 10)
        assert PatientBudget(budget, 0.0).surely_fits(1, 10)
        await PatientBudget(budget, 0.0).observe(ObservedLimits(limit_tokens=50))
        started = time.monotonic()
        await PatientBudget(budget, 0.0).pause(0.6)
        with noted_sleeps(passing=False) as slept:
            await PatientBudget(budget, started + 50).take(1, 10)
        took = time.monotonic() - started
        with pytest.raises(BudgetExhausted):
            await PatientBudget(budget, time.monotonic() + 0.2).take(1, 40)
        return sum(slept), took, budget.surely_fits(1, 1)

    waited, took, fits = asyncio.run(run())
    assert waited <= 0.6 <= took
    assert not fits


def test_while_the_database_is_away_a_question_waits_for_a_moment_and_the_next_ones_not_at_all(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = open_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing")
    clock, tries = ManualClock(), []
    monkeypatch.setattr(outages, "time", clock)
    monkeypatch.setattr(shared_budget, "time", clock)
    event.listen(nowhere, "do_connect", lambda *_: tries.append(clock.now))

    async def run() -> list[float]:
        budget = SharedBudget(PostgresBudget(nowhere, "fake", 10, 1000, longest_wait=0.3))
        moments = []
        for _ in range(3):
            await budget.take(1, 10, 1.5)
            moments.append(clock.now)
        await budget.pause(10)
        assert max(tries) <= moments[0], "who comes next does not try it"
        budget._silent_until = 0.0
        await budget.take(1, 10, 1.5)
        return moments

    began = clock.now
    first, *others = asyncio.run(run())
    assert 0.3 < first - began < 1, "and not the ninety seconds that a run waits for a server that restarts"
    assert others == [first, first]
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        "The shared budget cannot be asked"
    ] * 2
