from pathlib import Path

import numpy as np
import pytest

from morpheus_assets.store.database.errors import ArchiveError, SpaceError
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.archive import export_space, restore_space
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.refusals import ignore_refusals, list_refusals, record_refusals


def test_a_space_that_is_exported_dropped_and_restored_holds_the_same_bits(
    engine, make_space, add_novel, random_vectors, tmp_path: Path
) -> None:
    hashes = add_novel("one", [f"passage {number} " for number in range(300)])
    row = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, row, hashes[:298], random_vectors(298))
    record_refusals(engine, row, [(hashes[298], "too strange"), (hashes[299], "stranger")])
    ignore_refusals(engine, row, [hashes[299]])
    before = vectors.read_vectors(engine, row, hashes)
    path = export_space(engine, row, tmp_path / "archive")
    spaces.drop(engine, row.key)

    back = restore_space(engine, path)
    assert back.state == "retired"
    assert back.id != row.id
    assert (back.key, back.fingerprint, back.preparation) == (row.key, row.fingerprint, row.preparation)
    after = vectors.read_vectors(engine, back, hashes)
    assert set(after) == set(before)
    assert all(np.array_equal(after[value], before[value]) for value in before)
    refusals = {each.content_hash: each for each in list_refusals(engine, back)}
    assert {value: (each.reason, each.ignored) for value, each in refusals.items()} == {
        hashes[298]: ("too strange", False),
        hashes[299]: ("stranger", True),
    }
    assert coverage(engine, back).whole
    assert spaces.activate(engine, back.key).state == "active"
    assert [path.name for path in (tmp_path / "archive").iterdir()] == [path.name], "nothing half-written is left"


def test_an_export_that_is_read_elsewhere_names_its_columns_and_space(
    engine, make_space, add_novel, random_vectors, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    hashes = add_novel("one", ["a ", "b "])
    row = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, row, hashes, random_vectors(2))
    table = pq.read_table(export_space(engine, row, tmp_path))
    assert table.column_names == ["content_hash", "embedding"]
    assert sorted(table["content_hash"].to_pylist()) == sorted(hashes)
    assert b'"model": "demo-8"' in table.schema.metadata[b"morpheus_space"]


def test_restoring_into_a_space_that_is_stored_adds_what_it_lacks(
    engine, make_space, add_novel, random_vectors, tmp_path: Path
) -> None:
    hashes = add_novel("one", ["a ", "b ", "c "])
    row = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, row, hashes, random_vectors(3))
    path = export_space(engine, row, tmp_path)
    spaces.drop(engine, row.key)
    again = spaces.register_space(engine, make_space())
    vectors.write_batch(engine, again, hashes[:1], random_vectors(1, seed=9))
    mine = vectors.read_vectors(engine, again, hashes[:1])[hashes[0]]
    restore_space(engine, path)
    assert vectors.vector_summary(engine, again).rows == 3
    assert np.array_equal(vectors.read_vectors(engine, again, hashes[:1])[hashes[0]], mine)


def test_another_model_under_the_same_key_is_not_mixed_in(engine, make_space, tmp_path: Path) -> None:
    row = spaces.register_space(engine, make_space())
    path = export_space(engine, row, tmp_path)
    spaces.drop(engine, row.key)
    spaces.register_space(engine, make_space(revision="2"))
    with pytest.raises(SpaceError, match="another fingerprint"):
        restore_space(engine, path)


@pytest.mark.parametrize("damage", ["cut", "foreign", "text"])
def test_a_file_that_is_no_export_is_refused_with_a_sentence(
    engine, make_space, add_novel, random_vectors, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "file.parquet"
    if damage == "text":
        path.write_text("not parquet at all")
    elif damage == "foreign":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"a": [1]}), path)
    else:
        row = spaces.register_space(engine, make_space())
        hashes = add_novel("one", ["a ", "b "])
        vectors.write_batch(engine, row, hashes, random_vectors(2))
        whole = export_space(engine, row, tmp_path).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveError, match=r"file\.parquet"):
        restore_space(engine, path)
