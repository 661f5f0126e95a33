import numpy as np

from morpheus_assets.insight.similar import closest_passages, most_like


def around(direction: list[float], count: int, seed: int) -> list[np.ndarray]:
    """Vectors that share most of themselves, as the means of novels do, and lean a little to one side."""
    rng = np.random.default_rng(seed)
    return [np.array([5.0, *direction]) + rng.normal(0, 0.05, 4) for _ in range(count)]


def test_what_all_novels_share_tells_nothing_and_the_rest_tells_who_is_alike():
    sea, love = around([1, 0, 0], 3, 1), around([0, 1, 0], 3, 2)
    means = {f"sea{i}": mean for i, mean in enumerate(sea)} | {f"love{i}": mean for i, mean in enumerate(love)}
    found = most_like("sea0", means, 5)
    assert {each.novel for each in found[:2]} == {"sea1", "sea2"}
    assert found[0].similarity > 0.8
    assert all(each.similarity < 0 for each in found[2:])
    assert [each.novel for each in most_like("sea0", means, 5, least=0.0)] == [each.novel for each in found[:2]]


def test_two_that_are_the_same_do_not_fill_the_list():
    means = {
        "mine": [1.0, 0, 0],
        "twin": [1.0, 0.3, 0],
        "copy of twin": [1.0, 0.301, 0],
        "near": [1.0, -0.4, 0],
        "far": [-2.0, -0.1, 0.1],
        "farther": [-2.0, -0.1, -0.1],
    }
    found = [each.novel for each in most_like("mine", means, 3)]
    assert len({"twin", "copy of twin"} & set(found[:2])) == 1


def test_a_novel_alone_or_without_a_vector_is_like_no_other():
    assert most_like("mine", {"mine": [1.0, 0]}, 3) == []
    assert most_like("mine", {"other": [1.0, 0], "third": [0, 1.0]}, 3) == []
    assert most_like("mine", {"mine": [0.0, 0], "other": [1.0, 0]}, 3) == []
    assert [each.novel for each in most_like("mine", {"mine": [1.0, 0], "other": [1.0, 0.1]}, 3)] == ["other"]


def test_the_closest_passages_are_named_once_each():
    mine = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 0, 1]])
    other = np.array([[0, 0, 2], [1, 0, 0]])
    pairs = closest_passages(mine, other, 5)
    assert [(pair.mine, pair.other) for pair in pairs] in ([(0, 1), (2, 0)], [(2, 0), (0, 1)])
    assert closest_passages(mine, np.zeros((0, 3)), 5) == []
