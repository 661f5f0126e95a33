import pytest

from bench.soak import Step, schedule, shrink
from bench.soak_actions import WEIGHTS, SoakActions


def test_a_seed_draws_the_same_schedule_each_time_and_another_seed_another():
    assert schedule(7, 10) == schedule(7, 10)
    assert schedule(7, 10) != schedule(8, 10)


def test_every_action_that_is_drawn_can_be_done():
    assert all(callable(getattr(SoakActions, name)) for name in WEIGHTS)


def test_only_the_actions_asked_for_are_drawn():
    assert {name for name, _ in schedule(7, 10, ["edit", "wait"])} == {"add", "edit", "wait"}


@pytest.mark.parametrize("at_fault", [{"drop"}, {"edit", "kill"}, {"edit", "kill", "drop"}])
def test_a_schedule_is_shrunk_to_the_steps_that_show_the_violation(at_fault: set[str]):
    steps: list[Step] = [(name, number) for number, name in enumerate(["add", "edit", "wait", "kill", "drop"] * 4)]

    def fails(some: list[Step]) -> bool:
        return at_fault <= {name for name, _ in some}

    shortest = shrink(steps, fails, most_runs=200)
    assert {name for name, _ in shortest} == at_fault
    assert len(shortest) == len(at_fault)


def test_a_schedule_is_shrunk_only_by_steps_whose_absence_still_shows_the_violation():
    steps: list[Step] = [("add", number) for number in range(9)]
    assert shrink(steps, lambda some: False, most_runs=50) == steps


def test_no_more_runs_are_made_than_were_allowed():
    tried: list[int] = []

    def fails(some: list[Step]) -> bool:
        tried.append(len(some))
        return True

    shrink([("add", number) for number in range(64)], fails, most_runs=3)
    assert tried == [32, 16, 8]
