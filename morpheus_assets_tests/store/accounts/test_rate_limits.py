import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from morpheus_assets.embedding.rate_limits import ObservedLimits
from morpheus_assets.services.search import QUESTION_SECONDS
from morpheus_assets.store.accounts import rate_limits
from morpheus_assets.store.accounts.rate_limits import PostgresBudget
from morpheus_assets_tests import python_path
from morpheus_assets_tests.fixtures.waiting import HeldSleeps, noted_sleeps

TAKER = """
import asyncio, json, random, sys, time
from morpheus_assets.store.accounts import rate_limits
from morpheus_assets.store.database.engine import open_engine
rate_limits.WINDOW_SECONDS, rate_limits._SLOT_SECONDS = 2.0, 0.05
budget = rate_limits.PostgresBudget(open_engine(sys.argv[1]), "fake", None, 100_000)
random.seed(int(sys.argv[2]))
booked, first_fit = [], rate_limits._first_fit
def noted(account, requests, tokens, kept):
    at = first_fit(account, requests, tokens, kept)
    booked.append((account.now, at, tokens))
    return at
rate_limits._first_fit = noted
async def main():
    await budget.take(0, 0)
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.time() + 5
    while time.time() < end:
        await budget.take(1, random.choice([500, 1000, 2000]))
        print(json.dumps([*booked[-1], time.time()]), flush=True)
asyncio.run(main())
"""


@pytest.mark.slow
def test_four_processes_stay_within_the_budget_in_every_window_and_share_it(database_url) -> None:
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, database_url, str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": python_path(".")},
        )
        for seed in range(4)
    ]  # fmt: skip
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    bookings: list[list[float]] = []
    for taker in takers:
        assert taker.stdin is not None
        print(file=taker.stdin, flush=True)
    for taker in takers:
        output, _ = taker.communicate(timeout=100)
        assert taker.returncode == 0
        own = [json.loads(line) for line in output.splitlines()]
        assert len(own) > 5, "each has its share"
        bookings += own
    # by the server's clock at which they were asked for: one at a time holds the account
    bookings.sort()
    limit, window = 100_000, 2.0
    # after so long at the latest what is booked counts no more: bookings of a moment are kept together
    latest = window * (1 + 1 / 60) + 0.05
    assert sum(tokens for _, _, tokens, _ in bookings) > 2 * limit
    for number, (asked_at, at, tokens, sent_at) in enumerate(bookings):
        before = bookings[:number]
        assert sent_at >= at - 0.01, "nobody goes before its turn"
        assert at >= max((each[1] for each in before), default=0.0), "in the order in which they asked"
        assert tokens + sum(each[2] for each in before if at - window < each[1]) <= limit
        if at > max((asked_at, *(each[1] for each in before))) + 0.001:
            full = sum(each[2] for each in before if at - latest - 0.001 < each[1])
            assert full + tokens > limit, "the budget is used, not wasted: who waits has to"


def take_all(budget: PostgresBudget, *amounts: int) -> tuple[list[float], float]:
    """How long each booking waits for its turn, and the seconds until the last one had it, which other work adds to."""

    async def run() -> list[float]:
        waits = []
        for tokens in amounts:
            with noted_sleeps(passing=False) as slept:
                await budget.take(1, tokens)
            waits.append(sum(slept))
        return waits

    started = time.monotonic()
    return asyncio.run(run()), time.monotonic() - started


# Seconds until what is booked leaves the short window.
LEAVES = 1.0 * (1 + 1 / 60) + 0.02


@pytest.fixture
def short_window(monkeypatch) -> None:
    monkeypatch.setattr(rate_limits, "WINDOW_SECONDS", 1.0)
    monkeypatch.setattr(rate_limits, "_SLOT_SECONDS", 0.02)


def test_the_whole_limit_is_there_at_once_and_then_again_after_a_window(engine, short_window) -> None:
    waits, passed = take_all(PostgresBudget(engine, "fake", None, 1000), 600, 400, 500)
    assert waits[:2] == [0, 0]
    assert waits[2] <= LEAVES <= passed


def test_requests_are_limited_as_well_as_tokens(engine, short_window) -> None:
    waits, passed = take_all(PostgresBudget(engine, "fake", 2, None), 10, 10, 10)
    assert waits[:2] == [0, 0]
    assert waits[2] <= LEAVES <= passed


def test_a_request_larger_than_the_limit_passes_alone(engine, short_window) -> None:
    waits, passed = take_all(PostgresBudget(engine, "fake", None, 100), 5000, 1)
    assert waits[0] == 0
    assert waits[1] <= LEAVES <= passed


def test_tokens_that_were_not_charged_are_given_back(engine) -> None:
    budget = PostgresBudget(engine, "fake", None, 1000)

    async def run() -> list[float]:
        await budget.take(1, 900)
        await budget.settle(900, 100)
        with noted_sleeps() as slept:
            await budget.take(1, 900)
        return slept

    assert asyncio.run(run()) == []


def test_the_provider_may_lower_the_limit_but_not_raise_it(engine, short_window) -> None:
    async def run(limit: int, first: int, second: int) -> float:
        budget = PostgresBudget(engine, f"fake-{limit}", None, 1000)
        await budget.observe(ObservedLimits(limit_tokens=limit))
        started = time.monotonic()
        await budget.take(1, first)
        await budget.take(1, second)
        return time.monotonic() - started

    assert asyncio.run(run(500, 400, 400)) >= LEAVES
    assert asyncio.run(run(9000, 800, 800)) >= LEAVES


def test_a_pause_holds_everybody_up_also_those_who_wait_already(engine, database_url) -> None:
    from morpheus_assets.store.database.engine import open_engine

    async def run(sleeps: HeldSleeps) -> None:
        other = PostgresBudget(open_engine(database_url), "fake", None, 100)
        budget = PostgresBudget(engine, "fake", None, 100)
        await budget.take(1, 100)
        waiting = asyncio.create_task(budget.take(1, 100))
        await sleeps.until(1)
        await other.pause(300)
        # its own time is over, and it is told of the pause
        sleeps.wake()
        await sleeps.until(2)
        assert not waiting.done()
        waiting.cancel()

    with HeldSleeps() as sleeps:
        asyncio.run(run(sleeps))
    own, pause = sleeps.asked
    assert own <= 61.5
    assert 200 < pause <= 300


def test_an_empty_remainder_pauses_until_the_reset(engine) -> None:
    async def run() -> tuple[float, float]:
        budget = PostgresBudget(engine, "fake", None, None)
        started = time.monotonic()
        await budget.observe(ObservedLimits(remaining_requests=0, reset_requests_seconds=0.5))
        with noted_sleeps(passing=False) as slept:
            await budget.take(1, 1)
        return sum(slept), time.monotonic() - started

    waited, passed = asyncio.run(run())
    assert waited <= 0.5 <= passed


def test_a_take_costs_about_a_millisecond(engine) -> None:
    before = time.process_time()
    waits, _ = take_all(PostgresBudget(engine, "fake", 10**6, 10**9), *[1] * 300)
    assert (time.process_time() - before) / 300 < 0.01
    assert set(waits) == {0}


def booked(engine) -> tuple[int, int]:
    """Requests and tokens that stand in all accounts."""
    with engine.connect() as connection:
        accounts = connection.exec_driver_sql("SELECT recent FROM rate_limits").scalars().all()
    slots = [slot for account in accounts for slot in account]
    return sum(int(slot[1]) for slot in slots), sum(int(slot[2]) for slot in slots)


def person(engine, tokens: int, longest_wait: float = 1.5) -> PostgresBudget:
    return PostgresBudget(engine, "fake", None, tokens, longest_wait=longest_wait)


def test_batch_work_leaves_its_share_to_people_however_long_it_queues(engine) -> None:
    async def run(sleeps: HeldSleeps) -> None:
        batch = PostgresBudget(engine, "fake", None, 1000, kept_for_others=0.1)
        await batch.take(1, 900)
        queue = [asyncio.create_task(batch.take(1, 300)) for _ in range(6)]
        await sleeps.until(6)
        await person(engine, 1000).take(1, 100)
        assert len(sleeps.asked) == 6, "a person's turn is at once"
        assert not any(each.done() for each in queue)
        for each in queue:
            each.cancel()

    with HeldSleeps() as sleeps:
        asyncio.run(run(sleeps))


def test_a_question_without_room_is_refused_at_once_with_the_time_and_books_nothing(engine) -> None:
    async def run() -> None:
        await PostgresBudget(engine, "fake", None, 1000).take(1, 1000)
        with noted_sleeps() as slept, pytest.raises(rate_limits.BudgetExhausted) as refused:
            await person(engine, 1000).take(1, 10)
        assert slept == []
        assert 50 < (refused.value.retry_after or 0) < 65

    asyncio.run(run())
    assert booked(engine) == (1, 1000)


def test_a_question_that_waits_for_room_leaves_half_of_its_time_to_the_provider() -> None:
    assert rate_limits.LONGEST_WAIT_OF_A_QUESTION <= QUESTION_SECONDS / 2


def test_a_question_waits_for_room_that_comes_soon(engine, short_window) -> None:
    async def run() -> tuple[float, float]:
        started = time.monotonic()
        await PostgresBudget(engine, "fake", None, 1000).take(1, 1000)
        with noted_sleeps(passing=False) as slept:
            await person(engine, 1000).take(1, 10)
        return sum(slept), time.monotonic() - started

    waited, passed = asyncio.run(run())
    assert waited <= LEAVES <= passed


def test_a_question_is_refused_while_the_provider_lets_nobody_in(engine) -> None:
    async def run() -> None:
        budget = person(engine, 1000)
        await budget.pause(20)
        with pytest.raises(rate_limits.BudgetExhausted):
            await budget.take(1, 1)

    asyncio.run(run())


def test_whoever_overtakes_never_makes_a_window_overfull() -> None:
    draw = random.Random(7)
    now, slots = 0.0, []
    for _ in range(1500):
        now += draw.random()
        alive = [slot for slot in slots if now < rate_limits._leaves(slot[0])]
        account = rate_limits._Account(now, alive, 60.0, 1000.0, 0.0)
        tokens = draw.choice([5, 20, 90])
        if draw.random() < 0.5:
            at = rate_limits._first_fit(account, 1, tokens, 0.1)
        else:
            at = rate_limits._first_fit_between(account, 1, tokens)
        rate_limits._add(account.slots, at, 1, tokens)
        slots = account.slots
        assert slots == sorted(slots)
        # the windows that have got something
        first, last = at - rate_limits._SLOT_SECONDS, rate_limits._leaves(at)
        for begin in (slot[0] for slot in slots if first <= slot[0] < last):
            window = [slot for slot in slots if slot[0] <= begin < rate_limits._leaves(slot[0])]
            assert sum(slot[1] for slot in window) <= 60
            assert sum(slot[2] for slot in window) <= 1000


def test_each_account_has_its_own_bookings_limits_and_pauses(engine) -> None:
    async def run() -> None:
        mine, other = (PostgresBudget(engine, name, None, 1000, longest_wait=0.2) for name in ("mine", "other"))
        await mine.take(1, 10)
        await other.take(1, 900)
        await mine.take(1, 900)
        await mine.observe(ObservedLimits(limit_tokens=500))
        await other.take(1, 50)
        await mine.pause(20)
        await other.take(1, 10)
        for budget, tokens in ((mine, 0), (other, 100)):
            with pytest.raises(rate_limits.BudgetExhausted):
                await budget.take(1, tokens)

    asyncio.run(run())


def test_a_shorter_pause_does_not_end_a_longer_one(engine) -> None:
    async def run() -> list[float]:
        budget = person(engine, 1000, longest_wait=0.1)
        waits = []
        for seconds in (30, 2, 40):
            await budget.pause(seconds)
            with pytest.raises(rate_limits.BudgetExhausted) as refused:
                await budget.take(1, 1)
            waits.append(refused.value.retry_after or 0.0)
        return waits

    waits = asyncio.run(run())
    assert [25 < wait <= 30 for wait in waits[:2]] == [True, True]
    assert 35 < waits[2] <= 40


def test_what_a_provider_said_long_ago_counts_no_more(engine) -> None:
    async def take() -> None:
        await person(engine, 1000, longest_wait=0.1).take(1, 800)

    async def run() -> None:
        await person(engine, 1000).observe(ObservedLimits(limit_tokens=500))
        await person(engine, 1000).take(1, 400)
        with pytest.raises(rate_limits.BudgetExhausted):
            await take()
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE rate_limits SET observed_at = observed_at - interval '11 minutes', recent = '[]'"
            )
        await take()

    asyncio.run(run())


def write(engine, recent: str = "'[]'::jsonb", **columns: str) -> None:
    """Make the account "fake" one in whose row this stands; `now` is the server's second since 1970."""
    values = {"recent": recent, **columns}
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO rate_limits (provider) VALUES ('fake') ON CONFLICT DO NOTHING")
        connection.exec_driver_sql(
            "UPDATE rate_limits SET "
            + ", ".join(f"{name} = {value}" for name, value in values.items())
            + " FROM (SELECT extract(epoch FROM clock_timestamp())::float8 AS now) clock"
        )


def tokens_by_slot(engine) -> list[int]:
    with engine.connect() as connection:
        return [int(slot[2]) for slot in connection.exec_driver_sql("SELECT recent FROM rate_limits").scalar_one()]


async def refusal(budget: PostgresBudget, requests: int, tokens: int) -> float | None:
    """The seconds after which a refused booking had room; None when it was booked."""
    try:
        await budget.take(requests, tokens)
    except rate_limits.BudgetExhausted as refused:
        return refused.retry_after
    return None


def asked(engine, tokens: int, limit: int = 1000) -> float | None:
    return asyncio.run(refusal(person(engine, limit, longest_wait=0.1), 1, tokens))


def asked_after(engine, tokens: int, prepare: Callable[[], None]) -> float | None:
    """What is `asked` as soon as something is so: again while other work of the machine came between."""
    while True:
        started = time.monotonic()
        prepare()
        found = asked(engine, tokens)
        if time.monotonic() - started < 0.3:
            return found


def asked_of(engine, tokens: int, recent: str = "'[]'::jsonb", **columns: str) -> float | None:
    """What is `asked` of an account in whose row this stands."""
    return asked_after(engine, tokens, lambda: write(engine, recent, **columns))


def test_what_was_booked_or_paused_before_the_clock_was_set_back_holds_nobody_up(engine) -> None:
    write(engine, "jsonb_build_array(jsonb_build_array(now + 3601, 1, 1000))")
    assert asked(engine, 1000) is None
    write(engine, "jsonb_build_array(jsonb_build_array(now + 3601, 1, 10))")
    # batch work books behind what is booked already
    asyncio.run(asyncio.wait_for(PostgresBudget(engine, "fake", None, 1000).take(1, 10), 20))
    assert asked_of(engine, 1, "jsonb_build_array(jsonb_build_array(now + 30, 1, 1000))") == pytest.approx(91.5, abs=1)
    write(engine, paused_until="clock_timestamp() + interval '601 seconds'")
    assert asked(engine, 1) is None
    assert asked_of(engine, 1, paused_until="clock_timestamp() + interval '599 seconds'") == pytest.approx(599, abs=1)
    write(engine, paused_until="NULL", observed_tokens="10", observed_at="clock_timestamp() + interval '1 hour'")
    assert asked(engine, 500) is None


def test_a_pause_from_before_the_clock_was_set_back_gives_way_to_a_new_one(engine) -> None:
    def pause(seconds: float) -> None:
        asyncio.run(person(engine, 1000).pause(seconds))

    write(engine, paused_until="clock_timestamp() + interval '1 day'")
    assert asked_after(engine, 1, lambda: pause(20)) == pytest.approx(20, abs=1)
    pause(-5)
    assert asked_after(engine, 1, lambda: pause(10_000)) == pytest.approx(600, abs=1)


def test_a_booking_counts_until_it_leaves_the_window_and_no_longer(engine) -> None:
    slot = "jsonb_build_array(jsonb_build_array(now - 61, 1, 1000))"
    assert asked_of(engine, 1, slot) == pytest.approx(0.5, abs=0.3)
    write(engine, "jsonb_build_array(jsonb_build_array(now - 62, 1, 1000))")
    assert asked(engine, 1000) is None
    assert tokens_by_slot(engine) == [1000], "what has left is forgotten"


def test_what_was_charged_otherwise_corrects_the_last_bookings_first(engine) -> None:
    budget = PostgresBudget(engine, "fake", None, 1000)
    slots = "jsonb_build_array(now - 3, 1, 100), jsonb_build_array(now - 1, 1, 50), jsonb_build_array(now + 30, 1, 70)"
    write(engine, f"jsonb_build_array({slots})")
    asyncio.run(budget.settle(120, 100))
    assert tokens_by_slot(engine) == [100, 30, 70]
    asyncio.run(budget.settle(100, 30))
    assert tokens_by_slot(engine) == [60, 0, 70]
    asyncio.run(budget.settle(10, 25))
    assert tokens_by_slot(engine) == [60, 15, 70]
    asyncio.run(budget.settle(1000, 0))
    assert tokens_by_slot(engine) == [0, 0, 70], "never below nothing"
    write(engine, "jsonb_build_array(jsonb_build_array(now + 30, 1, 70))")
    asyncio.run(budget.settle(70, 10))
    assert tokens_by_slot(engine) == [10]
    write(engine)
    asyncio.run(budget.settle(10, 5))
    assert tokens_by_slot(engine) == []
    asyncio.run(budget.settle(5, 12))
    assert tokens_by_slot(engine) == [7], "a debt is booked although nothing is"


def limited(engine) -> list[tuple[float | None, float | None]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT observed_requests, observed_tokens FROM rate_limits")
        return [tuple(row) for row in found]


def test_only_what_a_provider_allows_less_than_configured_is_noted(engine) -> None:
    budget = PostgresBudget(engine, "fake", 60, 1000)

    def observe(**limits: int) -> list[tuple[float | None, float | None]]:
        asyncio.run(budget.observe(ObservedLimits(**limits)))
        return limited(engine)

    assert observe() == observe(limit_requests=60, limit_tokens=1000) == observe(limit_requests=0, limit_tokens=0) == []
    assert observe(limit_requests=61, limit_tokens=1, remaining_tokens=3, remaining_requests=2) == [(None, 1)]
    assert observe(limit_requests=1, limit_tokens=-5) == [(1, 1)]
    assert observe(limit_requests=40, limit_tokens=999) == [(40, 999)]
    assert asked(engine, 1) is None, "nothing is used up"


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        ({"remaining_requests": 0}, 1),
        ({"remaining_tokens": 0, "reset_tokens_seconds": 30.0, "reset_requests_seconds": 50.0}, 30),
        ({"remaining_requests": 0, "reset_requests_seconds": 20.0, "remaining_tokens": 0}, 20),
        ({"remaining_requests": 0, "reset_requests_seconds": 300.0}, 60),
    ],
)
def test_what_is_used_up_pauses_for_the_longer_reset_and_a_window_at_most(engine, left, seconds) -> None:
    def observe() -> None:
        asyncio.run(person(engine, 1000).observe(ObservedLimits(**left)))

    assert asked_after(engine, 1, observe) == pytest.approx(seconds, abs=0.6)


def test_a_lower_limit_of_requests_counts_for_everybody_until_it_is_old(engine) -> None:
    async def run() -> list[float | None]:
        budget = PostgresBudget(engine, "fake", 60, None, longest_wait=0.1)
        await budget.observe(ObservedLimits(limit_requests=2))
        return [await refusal(budget, 1, 1) for _ in range(3)]

    assert [wait is None for wait in asyncio.run(run())] == [True, True, False]
    write(engine, "rate_limits.recent", observed_at="clock_timestamp() - interval '10 minutes'")
    assert asked(engine, 1) is None


def test_what_surely_fits_is_known_for_some_seconds_after_a_booking_that_waited_for_nothing(
    engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = PostgresBudget(engine, "fake", 500, 10_000)
    assert not budget.surely_fits(0, 0), "nothing is known yet"
    asyncio.run(budget.take(1, 10))
    assert [budget.surely_fits(*amounts) for amounts in ((5, 100), (6, 1), (1, 101))] == [True, False, False]
    later = time.monotonic() + 5.1
    with monkeypatch.context() as patch:
        patch.setattr(rate_limits.time, "monotonic", lambda: later)
        assert not budget.surely_fits(1, 1)
    asyncio.run(budget.pause(0.1))
    assert not budget.surely_fits(1, 1)
    for book in (budget.take(1, 1), budget.book_soon(1, 1, 60.0)):
        write(engine, "jsonb_build_array(jsonb_build_array(now - 61, 500, 1))")
        asyncio.run(book)
        assert not budget.surely_fits(1, 1), "it had to wait"
        write(engine)
        asyncio.run(budget.book_soon(1, 1, 0.0))
        assert budget.surely_fits(1, 1)
    write(engine, "jsonb_build_array(jsonb_build_array(now, 500, 1))")
    with pytest.raises(rate_limits.BudgetExhausted, match=r"budget for fake is used up for 6\d seconds"):
        asyncio.run(budget.book_soon(1, 1, 5.0))
    assert not budget.surely_fits(1, 1)
