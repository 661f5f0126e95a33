import numpy as np

from morpheus_assets.defs.assets.chapter_echoes import find_echoes, project
from morpheus_assets_tests.fixtures.deployment import Deployment, materialized, metadata_of, story


def test_the_chapter_most_like_another_is_named_first():
    embeddings = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 0, 1]], dtype=np.float32)
    echoes = find_echoes([(1, 0), (2, 1), (3, 2)], embeddings)
    assert echoes.iloc[0]["similarity"] > 0.99
    assert {echoes.iloc[0]["chapter"], echoes.iloc[0]["echoes"]} == {1, 2}


def test_a_single_chapter_echoes_nothing():
    assert find_echoes([(1, 0)], np.ones((1, 3), dtype=np.float32)).empty


def test_stored_vectors_are_loaded_for_one_novel_and_for_many_in_one_run(deployment: Deployment):
    names = ["anna", "emma"]
    for seed, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(chapters=3, seed=seed))
    deployment.ingest(*names)
    requests = deployment.requests
    many = deployment.materialize("chapter_echoes", *names)
    assert sorted(materialized(many, "chapter_echoes")) == names
    one = deployment.materialize("chapter_echoes", "emma")
    assert metadata_of(one, "chapter_echoes")["chapters"] == 3
    assert metadata_of(many, "chapter_echoes", "emma") == metadata_of(one, "chapter_echoes")
    assert deployment.requests == requests


def test_loading_a_novel_that_was_never_stored_fails_and_materializes_nothing(deployment: Deployment):
    deployment.drop("emma.txt", story())
    deployment.ingest("emma")
    result = deployment.materialize("chapter_echoes", "nobody")
    assert not result.success
    assert materialized(result, "chapter_echoes") == []


def test_passages_lie_on_the_two_axes_along_which_they_differ_most():
    chance = np.random.default_rng(3)
    hidden = chance.standard_normal((200, 2)) * (9, 4)
    turned, _ = np.linalg.qr(chance.standard_normal((64, 2)))
    vectors = (hidden @ turned.T + chance.standard_normal((200, 64)) * 0.1 + 5).astype(np.float32)
    found = project(vectors)
    true = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    for axis in (0, 1):
        assert abs(np.corrcoef(found[:, axis], true[0][:, axis])[0, 1]) > 0.999
    assert np.array_equal(found, project(vectors))


def test_a_chapter_that_is_there_twice_is_warned_of(deployment: Deployment):
    text = story(chapters=2)
    deployment.drop("emma.txt", text + "\n" + text.split("CHAPTER 2")[0].replace("CHAPTER 1", "CHAPTER 3"))
    deployment.ingest("emma")
    result = deployment.materialize("chapter_echoes", "emma")
    [check] = [each for each in result.get_asset_check_evaluations() if each.check_name == "no_chapter_twice"]
    assert not check.passed
    assert check.description == "1 to look at: emma: chapters 1 and 3 are the same."
