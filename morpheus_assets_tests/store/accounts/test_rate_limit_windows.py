"""The arithmetic of the sliding window, without a database: where the first room is, and what is booked there."""

import math

import pytest

from morpheus_assets.store.accounts import rate_limits
from morpheus_assets.store.accounts.rate_limits import Slot

NOW = 1000.0
# A booking counts for a minute, a sixtieth of one more, and the length of its slot.
COUNTS = 61.5


def account(*slots: Slot, paused_until: float = 0.0, tokens: float = 1000.0) -> rate_limits._Account:
    return rate_limits._Account(NOW, [list(slot) for slot in slots], 60.0, tokens, paused_until)


def test_a_booking_counts_for_a_little_more_than_a_minute() -> None:
    assert rate_limits._leaves(NOW) == NOW + COUNTS


@pytest.mark.parametrize(
    ("booked", "requests", "tokens", "at"),
    [
        ([], 1, 1000, NOW),
        ([[990.0, 1, 900]], 1, 100, NOW),
        ([[990.0, 1, 900]], 1, 101, 990 + COUNTS),
        ([[990.0, 59, 0]], 1, 0, NOW),
        ([[990.0, 59, 0]], 2, 0, 990 + COUNTS),
        ([[980.0, 1, 500], [990.0, 1, 500]], 1, 500, 980 + COUNTS),
        ([[980.0, 1, 500], [990.0, 1, 500]], 1, 501, 990 + COUNTS),
        ([[980.0, 30, 0], [990.0, 30, 0]], 30, 0, 980 + COUNTS),
        # nobody who would wait overtakes
        ([[1030.0, 1, 10]], 1, 10, 1030.0),
        ([[900.0, 1, 1000]], 1, 1000, NOW),
    ],
)
def test_who_may_wait_is_booked_where_the_window_first_has_room(
    booked: list[Slot], requests: int, tokens: int, at: float
) -> None:
    assert rate_limits._first_fit(account(*booked), requests, tokens, 0.0) == at


@pytest.mark.parametrize(
    ("booked", "requests", "tokens", "at"),
    [
        ([], 1, 1000, NOW),
        ([[990.0, 1, 900]], 1, 100, NOW),
        ([[990.0, 1, 900]], 1, 101, 990 + COUNTS),
        ([[990.0, 60, 0]], 1, 0, 990 + COUNTS),
        # one overtakes those who are booked for later, where their windows keep their room
        ([[1030.0, 1, 900]], 1, 100, NOW),
        ([[1030.0, 1, 900]], 1, 101, 1030 + COUNTS),
        ([[1030.0, 59, 0]], 2, 0, 1030 + COUNTS),
        ([[950.0, 1, 500], [1030.0, 1, 500], [1040.0, 1, 100]], 1, 400, NOW),
        ([[950.0, 1, 500], [1030.0, 1, 500], [1040.0, 1, 100]], 1, 401, 1030 + COUNTS),
        ([[950.0, 1, 700]], 1, 301, 950 + COUNTS),
        # a later one that begins when this one counts no more takes nothing from it
        ([[NOW + COUNTS + 1, 1, 1000]], 1, 1000, NOW),
    ],
)
def test_who_cannot_wait_is_booked_before_others_and_takes_nothing_from_them(
    booked: list[Slot], requests: int, tokens: int, at: float
) -> None:
    found = rate_limits._first_fit_between(account(*booked), requests, tokens)
    assert found == pytest.approx(at, abs=1e-4)
    assert found >= at


@pytest.mark.parametrize("paused_until", [NOW - 5, NOW + 20])
def test_nothing_is_booked_within_a_pause(paused_until: float) -> None:
    paused = account([990.0, 1, 10], paused_until=paused_until)
    begin = max(NOW, paused_until)
    assert rate_limits._first_fit(paused, 1, 10, 0.0) == begin
    assert rate_limits._first_fit_between(paused, 1, 10) == begin


def test_batch_work_leaves_others_their_share_and_what_is_larger_passes_all_the_same() -> None:
    rooms = [rate_limits._room(1000.0, wanted, 0.1) for wanted in (900, 901, 1000, 1500)]
    assert rooms == [900.0, 1000.0, 1000.0, 1600.0]
    assert rate_limits._first_fit(account([990.0, 1, 100]), 1, 800, 0.1) == NOW
    assert rate_limits._first_fit(account([990.0, 1, 101]), 1, 800, 0.1) == 990 + COUNTS
    assert rate_limits._first_fit(account([990.0, 1, 150]), 1, 1500, 0.1) == 990 + COUNTS
    assert rate_limits._first_fit(account([990.0, 1, 100]), 1, 1500, 0.1) == NOW


def test_bookings_of_half_a_second_share_a_slot_and_stay_in_order() -> None:
    slots: list[Slot] = [[10.0, 1, 5], [20.0, 1, 5]]
    for at in (10.25, 10.5, 15.0, 9.75, 20.0, 30.0):
        rate_limits._add(slots, at, 2, 10)
    assert slots == [
        [9.75, 2, 10], [10.0, 3, 15], [10.5, 2, 10], [15.0, 2, 10], [20.0, 3, 15], [30.0, 2, 10],
    ]  # fmt: skip


def test_a_hundredth_of_the_limits_is_allowed_ahead_while_half_of_them_is_free() -> None:
    allowed = rate_limits._allowance_of(account([990.0, 30, 500]))
    assert allowed is not None
    assert (allowed.requests, allowed.tokens) == (1.0, 10.0), "one request at least"
    assert rate_limits._allowance_of(account([990.0, 31, 0])) is None
    assert rate_limits._allowance_of(account([990.0, 0, 250], [995.0, 0, 251])) is None
    many = rate_limits._allowance_of(rate_limits._Account(NOW, [], 500.0, math.inf, 0.0))
    assert many is not None
    assert (many.requests, many.tokens) == (5.0, math.inf)
