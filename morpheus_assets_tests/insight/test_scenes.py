"""The matching of panels and chapters on vectors that are made, so that the truth is known."""

import numpy as np
import pytest

from morpheus_assets.insight.character_pictures import pictures_like
from morpheus_assets.insight.scene_file import read_scenes
from morpheus_assets.insight.scenes import aligned, csls, has_order, match_scenes, picturable_sentences

CHAPTERS, SENTENCES, SIZE = 12, 15, 32


@pytest.fixture(scope="module")
def novel() -> tuple[np.ndarray, list[int], np.ndarray]:
    """Sentences of twelve chapters, each with one that can be seen; and what can be seen of each."""
    chance = np.random.default_rng(3)
    seen = chance.standard_normal((CHAPTERS, SIZE))
    sentences = chance.standard_normal((CHAPTERS * SENTENCES, SIZE))
    for chapter in range(CHAPTERS):
        for place in range(3):
            row = chapter * SENTENCES + 5 * place
            sentences[row] = seen[chapter] + 0.8 * chance.standard_normal(SIZE)
    return sentences, [row // SENTENCES for row in range(len(sentences))], seen


def panels_of(seen: np.ndarray, chapters: list[int], noise: float, seed: int = 5) -> np.ndarray:
    return seen[chapters] + noise * np.random.default_rng(seed).standard_normal((len(chapters), SIZE))


def test_panels_in_reading_order_are_aligned_and_chapters_that_are_skipped_have_none(novel):
    sentences, columns, seen = novel
    told = [0, 0, 1, 2, 2, 4, 5, 7, 7, 8, 11, 11]
    scenes = match_scenes(sentences, columns, panels_of(seen, told, 1.2))
    found = [scene.chapter for scene in scenes]
    assert scenes[0].aligned
    assert found == sorted(found)
    assert sum(a == b for a, b in zip(found, told, strict=True)) >= 10
    assert {3, 6, 9, 10} - set(found) >= {3, 6, 9} or {3, 6, 9, 10} - set(found) >= {6, 9, 10}
    assert all(columns[scene.sentence] == scene.chapter for scene in scenes)


def test_panels_in_no_order_are_each_placed_by_themselves(novel):
    sentences, columns, seen = novel
    told = [9, 2, 11, 0, 7, 4, 1, 10, 3, 8, 5, 6]
    scenes = match_scenes(sentences, columns, panels_of(seen, told, 0.8))
    assert not scenes[0].aligned
    assert [scene.chapter for scene in scenes] == told


def test_order_is_seen_only_where_the_scores_have_one():
    chance = np.random.default_rng(0)
    said = sum(has_order(chance.standard_normal((20, 10))) for _ in range(60))
    assert said <= 9, "by chance about one in twenty"
    assert has_order(np.eye(10).repeat(2, axis=0) + 0.1 * chance.standard_normal((20, 10)))
    assert has_order(np.eye(4)), "four panels have few orders, and theirs is the best of them"
    assert not has_order(np.eye(8)[::-1])


def test_alignment_is_the_best_of_all_that_never_fall():
    chance = np.random.default_rng(1)
    for _ in range(20):
        scores = chance.standard_normal((5, 4))
        orders = [order for order in np.ndindex(*[4] * 5) if list(order) == sorted(order)]
        best = max(orders, key=lambda order: sum(scores[row, column] for row, column in enumerate(order)))
        assert tuple(aligned(scores)) == best


def test_a_sentence_that_is_near_to_every_panel_counts_less():
    cosines = np.array([[0.9, 0.7], [0.9, 0.2], [0.9, 0.1]])
    assert cosines[0].argmax() == 0
    assert csls(cosines)[0].argmax() == 1


def test_a_confirmed_scene_decides_for_its_panel_and_bounds_its_neighbours(novel):
    sentences, columns, seen = novel
    panels = panels_of(seen, [0, 1, 2, 3, 4, 5], 0.5)
    panels[3] = np.random.default_rng(9).standard_normal(SIZE)
    scenes = match_scenes(sentences, columns, panels, {3: 3})
    assert [scene.chapter for scene in scenes] == [0, 1, 2, 3, 4, 5]
    assert max(scenes[3].scores) < 10, "what is shown is how well each chapter fits, not that a person said so"


def test_nothing_to_compare_gives_nothing_and_one_of_each_gives_one():
    nothing, one = np.zeros((0, 4)), np.ones((1, 4))
    assert match_scenes(nothing, [], one) == []
    assert match_scenes(one, [0], nothing) == []
    assert [scene.chapter for scene in match_scenes(one, [0], one)] == [0]


def test_sentences_are_those_that_a_picture_could_show_in_any_script():
    text = "“Oh!” The cat slept in the sun all afternoon. " + "x" * 900 + ". 猫在沙漠里睡着了。嗯。"
    pieces = [text[start:end] for start, end in picturable_sentences(text)]
    assert "The cat slept in the sun all afternoon." in pieces[0]
    assert max(map(len, pieces)) == 600
    assert "猫在沙漠里睡着了。" in pieces
    assert "嗯。" not in pieces


def test_a_file_of_scenes_gives_its_good_lines_and_names_the_others():
    told = read_scenes(
        b"page\tchapter\tquotation\na.png\t3\tIt rained.\n\n# no\nb.png\tfour\nc.png\na.png\t4\n", "scenes.tsv"
    )
    assert {page: (scene.chapter, scene.quotation) for page, scene in told.scenes.items()} == {
        "a.png": (3, "It rained.")
    }
    assert [problem.split(",")[1].split()[1] for problem in told.problems] == ["5", "6", "7"]


def test_pictures_like_references_are_the_nearest_with_the_least_like_first():
    chance = np.random.default_rng(2)
    person, other = chance.standard_normal((2, SIZE))
    rows = np.array([person] * 6 + [other] * 20) + 0.3 * chance.standard_normal((26, SIZE))
    found = pictures_like(rows, [0, 1, 25])
    assert found[0].row == 25, "a reference that is no picture of the person"
    assert {each.row for each in found[-5:]} == {0, 1, 2, 3, 4, 5} - {found[-6].row}
    assert pictures_like(rows, []) == []
    assert pictures_like(rows, [3])[-1] == found[-1].__class__(3, 1.0, True)
