import asyncio

from morpheus_assets.api.embedding.budget import SharedBudget
from morpheus_assets.store.accounts.rate_limits import PostgresBudget


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
        await asyncio.sleep(0.5)
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
