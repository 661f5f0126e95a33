"""What is kept on request is no orphan, until it is deleted by itself."""

import pytest

from morpheus_assets.store.spaces import kept_inputs, spaces, vectors

A, B, C = (bytes([letter]) * 32 for letter in b"abc")


@pytest.fixture
def text(engine, make_space):
    return spaces.register_space(engine, make_space("text"))


@pytest.fixture
def image(engine, make_space):
    return spaces.register_space(engine, make_space("image", purpose="image"))


def stored(engine, space) -> set[bytes]:
    return set(vectors.read_vectors(engine, space, [A, B, C]))


def test_of_kept_texts_one_is_deleted_and_the_others_stay(engine, text, random_vectors) -> None:
    kept_inputs.keep_texts(engine, text, [B, A], random_vectors(2))
    kept_inputs.keep_texts(engine, text, [A], random_vectors(1))
    vectors.write_batch(engine, text, [C], random_vectors(1))
    assert vectors.delete_orphans(engine, text, dry_run=False) == 1
    assert stored(engine, text) == {A, B}
    assert kept_inputs.delete_vectors(engine, A)
    assert not kept_inputs.delete_vectors(engine, A)
    assert (stored(engine, text), vectors.count_orphans(engine, text)) == ({B}, 0)


def test_of_kept_pictures_one_is_deleted_and_the_others_stay(engine, image, random_vectors) -> None:
    vectors.write_batch(engine, image, [A, B, C], random_vectors(3))
    for value in (A, B, B):
        vectors.keep_picture(engine, value, "a.png")
    assert vectors.delete_orphans(engine, image, dry_run=False) == 1
    assert kept_inputs.delete_vectors(engine, A)
    assert (stored(engine, image), vectors.count_orphans(engine, image)) == ({B}, 0)


def test_a_text_that_is_kept_keeps_no_picture_and_a_passage_none_either(
    engine, text, image, add_novel, add_panels, random_vectors
) -> None:
    [passage], [panel] = add_novel("one", ["a "]), add_panels("comic", ["x"])
    kept_inputs.keep_texts(engine, text, [A], random_vectors(1))
    vectors.keep_picture(engine, B, "b.png")
    every = [passage, panel, A, B]
    for space, needed in ((text, {passage, A}), (image, {panel, B})):
        vectors.write_batch(engine, space, every, random_vectors(4))
        assert vectors.delete_orphans(engine, space, dry_run=False) == 2
        assert set(vectors.read_vectors(engine, space, every)) == needed


def test_what_a_novel_has_is_not_deleted_and_stays_kept(engine, text, add_novel, random_vectors) -> None:
    [passage] = add_novel("one", ["a "])
    kept_inputs.keep_texts(engine, text, [passage, A], random_vectors(2))
    with pytest.raises(kept_inputs.StillNeeded, match=passage.hex()):
        kept_inputs.delete_vectors(engine, passage)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM chunks")
    assert vectors.count_orphans(engine, text) == 0, "it was kept before and is still"
    assert kept_inputs.delete_vectors(engine, passage)
    assert [each.space.key for each in kept_inputs.find_vectors(engine, A)] == ["text"]
    assert kept_inputs.find_vectors(engine, passage) == []
