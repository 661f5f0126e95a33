import json
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from bench import soak_invariants
from bench.soak import Step, run, schedule, shrink
from bench.soak_actions import WEIGHTS, SoakActions
from bench.soak_invariants import SoakInvariants, Violation
from morpheus_assets.domain.spaces import Space
from morpheus_assets.store.accounts.spending import record_spending
from morpheus_assets_tests.fixtures.provider import ProviderServer

SEED = 1790


def test_a_seed_draws_the_same_schedule_each_time_and_another_seed_another():
    assert schedule(7, 10) == schedule(7, 10)
    assert schedule(7, 10) != schedule(8, 10)


def test_every_action_that_is_drawn_can_be_done():
    assert all(callable(getattr(SoakActions, name)) for name in WEIGHTS)


def test_only_the_actions_asked_for_are_drawn():
    assert {name for name, _ in schedule(7, 10, ["edit", "wait"])} == {"add", "edit", "wait"}


def test_a_request_counts_from_when_it_came_however_late_it_is_let_in(provider_server: ProviderServer):
    # what its client gave up and sent anew would be seen as asked for again, once that has been committed
    provider_server.ask(provider_server.base_url("slow", delay=1, journal=1))
    answered = time.time()
    with urllib.request.urlopen(f"{provider_server.root}/__journal", timeout=100) as answer:
        [arrived] = [row[0] for row in json.load(answer)]
    assert arrived <= answered - 1


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


def test_the_books_are_compared_with_what_the_provider_counted_and_not_with_a_model_of_this_machine(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(soak_invariants.time, "sleep", lambda seconds: None)
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def rows(query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(url) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    deployment: Any = SimpleNamespace(
        project=SimpleNamespace(folder=tmp_path), rows=rows, journal=lambda: [(0.0, "127.0.0.1", 2015, ["a"], 256)]
    )
    invariants = SoakInvariants(deployment, SoakActions(deployment))
    text = Space("openai-text-embedding-3-small-256", "text", "openai", "text-embedding-3-small", "", 256, "", 8192)
    image = Space("open-clip-demo-128", "image", "open_clip", "demo", "", 128, "", None)
    record_spending(engine, text, "emma", tokens=2015, inputs=6, requests=1, cost=None)
    record_spending(engine, image, "emma", tokens=1680, inputs=70, requests=9, cost=None)
    invariants._check_spending()
    record_spending(engine, text, "emma", tokens=1, inputs=1, requests=1, cost=None)
    with pytest.raises(Violation, match="2016 tokens of novels and 0 of questions are booked"):
        invariants._check_spending()


@pytest.mark.slow(110)
def test_a_minute_of_random_changes_kills_and_faults_leaves_everything_right(capsys: pytest.CaptureFixture[str]):
    assert run(schedule(SEED, 1), SEED, 1, pooled=False, say=print) is None, capsys.readouterr().out
