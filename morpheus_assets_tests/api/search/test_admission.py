"""How many searches may be under way follows how fast they are answered, not a number."""

from contextlib import ExitStack

import pytest

from morpheus_assets.api.problems import Problem
from morpheus_assets.api.search.admission import Admission


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def answer_for_two_seconds(admission: Admission, clock: Clock, a_second: int) -> None:
    for _ in range(2 * a_second):
        with admission.place():
            clock.now += 1 / a_second


@pytest.mark.parametrize("a_second", [15, 40, 200])
def test_one_more_is_let_in_while_the_time_that_a_person_waits_has_room_for_it(a_second: int):
    clock = Clock()
    admission = Admission(patience=5.0, clock=clock)
    answer_for_two_seconds(admission, clock, a_second)
    with ExitStack() as under_way:
        let_in = 0
        while admission.expected_seconds <= 5.0:
            under_way.enter_context(admission.place())
            let_in += 1
        assert let_in == pytest.approx(5 * a_second, rel=0.05)
        with pytest.raises(Problem) as refused, admission.place():
            raise AssertionError("its answer would come too late")
        assert (refused.value.status, refused.value.kind) == (503, "overloaded")
        assert 5 <= int(refused.value.headers["Retry-After"]) <= 6, "when those before it are answered"


def test_a_refused_search_holds_no_place_and_counts_as_no_answer():
    clock = Clock()
    admission = Admission(patience=1.0, clock=clock)
    answer_for_two_seconds(admission, clock, 20)
    with ExitStack() as under_way:
        while admission.expected_seconds <= 1.0:
            under_way.enter_context(admission.place())
        before = admission.expected_seconds
        for _ in range(50):
            with pytest.raises(Problem), admission.place():
                pass
        assert admission.expected_seconds == before
    assert admission.expected_seconds < 0.1, "those that were let in are answered"


def test_a_search_that_fails_leaves_its_place_and_is_no_answer():
    clock = Clock()
    admission = Admission(patience=1.0, clock=clock)
    answer_for_two_seconds(admission, clock, 20)
    before = admission.expected_seconds
    for _ in range(30):
        with pytest.raises(RuntimeError), admission.place():
            raise RuntimeError("the provider is down")
    assert admission.expected_seconds == before


def test_many_at_once_after_a_pause_are_let_in_for_nothing_says_how_long_they_take():
    clock = Clock()
    admission = Admission(patience=1.0, clock=clock)
    answer_for_two_seconds(admission, clock, 50)
    clock.now += 10
    with ExitStack() as under_way:
        for _ in range(80):
            under_way.enter_context(admission.place())
        clock.now += 4
        with admission.place():
            assert admission.expected_seconds == 0.0, "a provider that is silent for a while is no sign of too many"
