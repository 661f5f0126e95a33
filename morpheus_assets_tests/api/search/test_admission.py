"""How many searches may be under way follows how fast they are answered, not a number."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from morpheus_assets.api.problems import Problem
from morpheus_assets.api.search.admission import Admission


class Searches:
    """Searches of one API, answered in the order in which they came; time passes when a test says so."""

    def __init__(self, patience: float) -> None:
        self.now = 100.0
        self.admission = Admission(patience, clock=lambda: self.now)
        self.under_way: list[AbstractContextManager[None]] = []

    def come(self) -> bool:
        """One more; False when it is refused."""
        place = self.admission.place()
        try:
            place.__enter__()
        except Problem:
            return False
        self.under_way.append(place)
        return True

    def answer(self) -> None:
        self.under_way.pop(0).__exit__(None, None, None)

    @contextmanager
    def refused(self) -> Iterator[pytest.ExceptionInfo[Problem]]:
        with pytest.raises(Problem) as refusal, self.admission.place():
            raise AssertionError("its answer would come too late")
        yield refusal


def overload(searches: Searches, a_second: int, times: int, seconds: float) -> int:
    """`times` as many come as are answered, for so long; how many were let in."""
    let_in = 0
    for _ in range(int(seconds * a_second)):
        let_in += sum(searches.come() for _ in range(times))
        searches.now += 1 / a_second
        searches.answer()
    return let_in


@pytest.mark.parametrize("a_second", [3, 10, 40, 200])
def test_of_too_many_no_more_are_under_way_than_are_answered_in_the_time_that_a_person_waits(a_second: int):
    searches = Searches(patience=5.0)
    overload(searches, a_second, times=3, seconds=20)
    assert len(searches.under_way) == pytest.approx(5 * a_second, rel=0.15, abs=3)
    while searches.come():
        pass
    with searches.refused() as refusal:
        assert (refusal.value.status, refusal.value.kind) == (503, "overloaded")
        assert 5 <= int(refusal.value.headers["Retry-After"]) <= 6, "when those before it are answered"


def test_a_search_comes_in_again_as_soon_as_others_are_answered():
    searches = Searches(patience=5.0)
    overload(searches, 20, times=3, seconds=20)
    for _ in range(40):
        searches.now += 1 / 20
        searches.answer()
    assert searches.come()


def test_many_at_once_after_few_are_let_in_for_nothing_says_how_long_they_take():
    searches = Searches(patience=1.0)
    for _ in range(50):
        assert searches.come()
        searches.now += 0.5
        searches.answer()
    assert all(searches.come() for _ in range(300))


def test_a_provider_that_is_slow_and_answers_all_is_no_sign_of_too_many():
    searches = Searches(patience=5.0)
    for tick in range(1000):
        assert searches.come(), "each takes two seconds, fifty a second"
        searches.now += 1 / 50
        if tick >= 100:
            searches.answer()
    assert len(searches.under_way) == pytest.approx(100, abs=1)


def test_a_provider_that_is_silent_for_a_while_is_no_sign_of_too_many():
    searches = Searches(patience=5.0)
    overload(searches, 20, times=2, seconds=3)
    searches.now += 6
    assert all(searches.come() for _ in range(50))


def test_one_pause_of_the_machine_is_no_sign_of_too_many():
    searches = Searches(patience=5.0)
    for _ in range(12):
        assert searches.come()
    for _ in range(9):
        searches.now += 0.05
        searches.answer()
        assert searches.come()
    searches.now += 4
    assert all(searches.come() for _ in range(20)), "32 under way, twenty a second but for the pause"


def test_what_fails_leaves_its_place_and_is_no_answer():
    searches = Searches(patience=1.0)
    overload(searches, 20, times=3, seconds=5)
    before = searches.admission.expected_seconds
    for _ in range(5):
        place = searches.under_way.pop()
        assert not place.__exit__(RuntimeError, RuntimeError("the provider is down"), None), "it is raised on"
    assert searches.admission.expected_seconds < before, "five fewer, and none answered faster"
    assert searches.admission.expected_seconds == pytest.approx(
        before * (len(searches.under_way) + 1) / (len(searches.under_way) + 6)
    )
