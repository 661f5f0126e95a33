"""Readers while spaces are switched, filled beside and dropped: no error and no empty answer at any moment."""

import threading
from collections import Counter

import pytest

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.embedding.errors import ProviderUnavailable
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.fixtures.provider_answers import vectors_of
from morpheus_assets_tests.fixtures.searching import Reader, Vectors
from morpheus_assets_tests.fixtures.waiting import eventually

READERS, SWITCHES = 8, 20
BODIES = [
    f"the {thing} of the {place} in passage {number} "
    for number, (thing, place) in enumerate(
        (thing, place) for thing in ("ship", "lantern", "letter", "storm") for place in ("harbour", "garden", "river")
    )
]


@pytest.fixture
def two_spaces(engine, make_space, add_novel) -> None:
    """A novel that is whole in two spaces: `old`, which answers, and `new`."""
    hashes = add_novel("one", BODIES)
    for key in ("old", "new"):
        row = spaces.register_space(engine, make_space(key))
        vectors.write_batch(engine, row, hashes, vectors_of(BODIES, row.dimensions))
    spaces.activate_first(engine, "old")


@pytest.mark.usefixtures("two_spaces")
def test_a_space_that_is_dropped_during_a_search_gives_way_to_the_active_one(engine) -> None:
    class SwitchedMeanwhile(Vectors):
        async def question(self, space, text, *_):
            vector = await super().question(space, text)
            if self.asked == ["old"]:
                spaces.activate(engine, "new")
                spaces.drop(engine, "old")
            return vector

    asking = SwitchedMeanwhile()
    found = Reader(engine, asking).ask(BODIES[3], k=3)
    assert asking.asked == ["old", "new"]
    assert found.spaces == {"text": "new"}
    assert len(found.passages) == 3


@pytest.mark.usefixtures("two_spaces")
def test_who_asked_before_is_answered_by_what_answers_now_and_asks_no_second_model_while_nothing_changed(
    engine,
) -> None:
    asking = Vectors()
    reader = Reader(engine, asking)
    answers = [reader.ask(BODIES[3], k=3), reader.ask(BODIES[3], k=3)]
    assert asking.asked == ["old", "old"]
    spaces.activate(engine, "new")
    answers += [reader.ask(BODIES[3], k=3), reader.ask(BODIES[3], k=3)]
    assert asking.asked == ["old", "old", "old", "new", "new"]
    assert [found.spaces["text"] for found in answers] == ["old", "old", "new", "new"]
    assert all(
        [hit.hit.body for hit in found.passages] == [hit.hit.body for hit in answers[0].passages] for found in answers
    )


@pytest.mark.usefixtures("two_spaces")
def test_a_model_that_went_away_with_its_space_takes_no_answer_along(engine) -> None:
    class Leaving(Vectors):
        gone = ""

        async def question(self, space, text, *_):
            if space.key == self.gone:
                raise ProviderUnavailable("It is gone.")
            return await super().question(space, text)

    asking = Leaving()
    reader = Reader(engine, asking)
    reader.ask(BODIES[3], k=3)
    asking.gone = "old"
    spaces.activate(engine, "new")
    found = reader.ask(BODIES[3], k=3)
    assert (found.spaces, found.notes, found.faults) == ({"text": "new"}, [], [])


def test_eight_readers_see_no_error_and_no_empty_answer_during_twenty_switches(engine, make_space, add_novel) -> None:
    hashes = add_novel("one", BODIES)

    def fill(number: int) -> SpaceRow:
        # Other dimensions each time: a question in the wrong space would be refused, and counted as an error.
        row = spaces.register_space(engine, make_space(f"space-{number}", dimensions=16 + number))
        vectors.write_batch(engine, row, hashes, vectors_of(BODIES, row.dimensions))
        return row

    spaces.activate_first(engine, fill(0).key)
    done = threading.Event()
    outcomes: Counter[str] = Counter()
    answered_by: Counter[str] = Counter()

    def read() -> None:
        reader = Reader(engine)
        while not done.is_set():
            try:
                found = reader.ask(BODIES[3], k=3)
                outcomes["answers" if len(found.passages) == 3 and not found.notes else "empty"] += 1
                answered_by.update(found.spaces.values())
            except Exception as error:
                outcomes[f"{type(error).__name__}: {error}"] += 1

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, SWITCHES + 1):
            asked = outcomes.total()
            spaces.activate(engine, fill(number).key)
            spaces.drop(engine, f"space-{number - 1}")
            # Nobody switches faster than a search: one would meet more drops than it looks for another space.
            assert eventually(lambda asked=asked: outcomes.total() >= asked + READERS, every=0.01)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert set(outcomes) == {"answers"}, outcomes
    assert outcomes["answers"] > 100
    assert len(answered_by) > SWITCHES / 2, "the readers followed the pointer"
