"""Readers while spaces are switched, filled beside and dropped: no error and no empty answer at any moment."""

import threading
from collections import Counter

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.search.hits import search_text, with_active_space
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

READERS, SWITCHES = 8, 20


def test_eight_readers_see_no_error_and_no_empty_answer_during_twenty_switches(engine, make_space, add_novel) -> None:
    bodies = [f"the {thing} of the {place} in passage {number} " for number, (thing, place) in enumerate(
        (thing, place) for thing in ("ship", "lantern", "letter", "storm") for place in ("harbour", "garden", "river")
    )]  # fmt: skip
    hashes = add_novel("one", bodies)

    def fill(number: int) -> SpaceRow:
        # Other dimensions each time: a question in the wrong space would be refused, and counted as an error.
        row = spaces.register_space(engine, make_space(f"space-{number}", dimensions=16 + number))
        vectors.write_batch(engine, row, hashes, vectors_of(bodies, row.dimensions))
        return row

    spaces.activate_first(engine, fill(0).key)
    done = threading.Event()
    outcomes: Counter[str] = Counter()
    answered_by: Counter[int] = Counter()

    def read() -> None:
        while not done.is_set():

            def ask(row: SpaceRow) -> int:
                [vector] = vectors_of([bodies[3]], row.dimensions)
                hits = search_text(engine, vector, bodies[3], space=row, k=3)
                answered_by[row.dimensions] += 1
                return len(hits)

            try:
                outcomes["answers" if with_active_space(engine, "text", ask) == 3 else "empty"] += 1
            except Exception as error:
                outcomes[f"{type(error).__name__}: {error}"] += 1

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, SWITCHES + 1):
            spaces.activate(engine, fill(number).key)
            spaces.drop(engine, f"space-{number - 1}")
    finally:
        done.set()
        for reader in readers:
            reader.join(30)
    assert set(outcomes) == {"answers"}, outcomes
    assert outcomes["answers"] > 100
    assert len(answered_by) > SWITCHES / 2, "the readers followed the pointer"
