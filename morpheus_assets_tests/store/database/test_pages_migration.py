"""The step to pages and regions, from a database that holds panels as the version before stored them."""

import hashlib
import json
import shutil
from pathlib import Path

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.domain.spaces import Space
from morpheus_assets.store.content.panels import load_panels, replace_panels
from morpheus_assets.store.content.regions import Region, replace_regions, uncut_pages
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.migrations import migrate, sql_folder
from morpheus_assets.store.search.hits import search_panels
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import get_space, register_space


def hash_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def space(key: str, preparation: dict[str, object]) -> Space:
    return Space(key, "image", "open_clip", "m", "r", 3, json.dumps(preparation), None)


def test_panels_of_before_stay_searchable_until_their_regions_are_whole(
    empty_database_url: str, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    for file in sql_folder().glob("0*.sql"):
        if file.name < "014":
            shutil.copy(file, before)
    engine = open_engine(empty_database_url)
    migrate(engine, before)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO novels (novel) VALUES ('lamp')")
        for name in ("b.png", "a.png"):
            connection.exec_driver_sql(
                "INSERT INTO panels (novel_id, path, state, content_hash, width, height, size_bytes)"
                " VALUES (1, %s, 'stored', %s, 40, 60, 9)",
                (f"lamp/{name}", hash_of(name)),
            )
        # As the version of then registered a space and stored its vectors.
        former = space("old", {"panels": "whole"})
        connection.exec_driver_sql(
            "INSERT INTO embedding_spaces"
            " (key, fingerprint, purpose, provider, model, revision, dimensions, preparation)"
            " VALUES (%s, %s, 'image', 'open_clip', 'm', 'r', 3, %s)",
            (former.key, former.fingerprint, former.preparation),
        )
        connection.exec_driver_sql(
            "CREATE TABLE embeddings_1 (content_hash bytea PRIMARY KEY, embedding halfvec(3) NOT NULL)"
        )
        for name, vector in (("a.png", "[1,0,0]"), ("b.png", "[0,1,0]")):
            connection.exec_driver_sql("INSERT INTO embeddings_1 VALUES (%s, %s)", (hash_of(name), vector))

    migrate(engine)
    old = get_space(engine, "old")
    new = register_space(engine, space("new", {"panels": "regions", "regions": 2}))

    # What was there answers as before, and nothing of it is to be paid for again.
    assert [hit.path for hit in search_panels(engine, [1.0, 0.1, 0.0], space=old)] == ["lamp/a.png", "lamp/b.png"]
    assert coverage(engine, old).whole
    pages = load_panels(engine, "lamp")
    assert [(page.path, page.ordinal) for page in pages] == [("lamp/a.png", 1), ("lamp/b.png", 2)]
    # The new set is not whole before the pages are cut: two placeholders, then the regions themselves.
    assert (uncut_pages(engine), coverage(engine, new).missing) == ({"lamp": 2}, 2)
    for page in pages:
        regions = [Region(at, "panel", 0, 0, 4, 4, 1.0, "1", hash_of(f"{page.path}{at}")) for at in range(3)]
        assert replace_regions(engine, page, regions, cut_of="1.2")
    assert (uncut_pages(engine), coverage(engine, new).missing) == ({}, 6)
    assert coverage(engine, old).whole
    engine.dispose()


def test_regions_of_a_picture_that_was_replaced_meanwhile_are_not_stored(
    empty_database_url: str,
) -> None:
    engine = open_engine(empty_database_url)
    migrate(engine)

    replace_panels(engine, "lamp", [PanelRecord("lamp/a.png", "stored", 9, content_hash=hash_of("first"))])
    [page] = load_panels(engine, "lamp")
    replace_panels(engine, "lamp", [PanelRecord("lamp/a.png", "stored", 9, content_hash=hash_of("second"))])

    assert not replace_regions(engine, page, [], cut_of="1.2")

    assert uncut_pages(engine) == {"lamp": 1}
    engine.dispose()
