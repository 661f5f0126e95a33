import numpy as np

from morpheus_assets.services.variety import most_varied
from morpheus_assets.store.search.hits import TextHit


def hit(name: str, similarity: float) -> TextHit:
    return TextHit("one", None, "en", 1, None, 1, 0, 4, name, similarity, 1, 1, None, similarity, name.encode())


def test_of_passages_that_repeat_each_other_one_is_shown_and_then_others() -> None:
    question = np.array([1.0, 0.0, 0.0], dtype=np.float32)
    directions = {
        "refrain": [0.9, 0.4, 0.0], "refrain again": [0.9, 0.41, 0.0], "refrain once more": [0.9, 0.39, 0.0],
        "something else": [0.8, -0.5, 0.3], "far away": [0.1, 0.0, 1.0],
    }  # fmt: skip
    vectors = {name.encode(): np.array(value, dtype=np.float32) for name, value in directions.items()}
    unit = {name: value / np.linalg.norm(value) for name, value in vectors.items()}
    hits = sorted((hit(name.decode(), float(value @ question)) for name, value in unit.items()), key=lambda h: -h.score)
    shown = most_varied(hits, vectors, 3)
    assert [each.body for each in shown[:2]] == [hits[0].body, "something else"]
    assert [each.rank for each in shown] == [1, 2, 3]


def test_what_has_no_vector_is_left_out_and_few_are_given_whole() -> None:
    assert most_varied([hit("gone", 0.5)], {}, 3) == []
    vectors = {b"a": np.array([1.0, 0.0], dtype=np.float32), b"b": np.array([0.0, 1.0], dtype=np.float32)}
    assert [each.body for each in most_varied([hit("a", 0.5), hit("b", 0.4)], vectors, 5)] == ["a", "b"]
