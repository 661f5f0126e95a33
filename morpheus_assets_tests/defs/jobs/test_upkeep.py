from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, text

from morpheus_assets.definitions import build_definitions
from morpheus_assets.services.space_retention import collect_orphans, drop_retired
from morpheus_assets.settings import Settings
from morpheus_assets.store.content.novels import remove_novel
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.archive import archive_path
from morpheus_assets.store.spaces.vectors import vector_summary
from morpheus_assets_tests.defs.model_change import NEW, NEW_KEY, OLD_KEY, add_novel, fill, make_settings, names


@pytest.fixture
def after(engine: Engine, database_url: str, tmp_path: Path) -> Settings:
    """Four novels in two spaces; the old one is retired, the new one answers."""
    for novel in names(4):
        add_novel(engine, novel)
    before = make_settings(database_url, "http://127.0.0.1:9/v1", tmp_path)
    settings = before.model_copy(update={"text_spaces": NEW})
    fill(engine, before, OLD_KEY, names(4), active=True)
    fill(engine, settings, NEW_KEY, names(4))
    spaces.activate(engine, NEW_KEY)
    return settings


def age(engine: Engine, key: str, days: float) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE embedding_spaces SET retired_at = now() - :age WHERE key = :key"),
            {"age": timedelta(days=days), "key": key},
        )


def stored(engine: Engine) -> list[str]:
    return [row.key for row in spaces.list_spaces(engine)]


def test_a_retired_space_is_kept_for_its_retention_then_announced_then_dropped(engine, after) -> None:
    assert "is kept until" in next(drop_retired(engine, after))
    age(engine, OLD_KEY, 15)
    assert list(drop_retired(engine, after, dry_run=True)) == [f"{OLD_KEY} would be dropped."]
    assert "will be dropped by the next run" in next(drop_retired(engine, after))
    assert stored(engine) == [OLD_KEY, NEW_KEY]
    assert list(drop_retired(engine, after)) == [f"{OLD_KEY} is dropped."]
    assert stored(engine) == [NEW_KEY]


def test_a_space_that_comes_back_into_use_is_announced_anew(engine, after) -> None:
    age(engine, OLD_KEY, 15)
    list(drop_retired(engine, after))
    spaces.revive(engine, OLD_KEY)
    assert list(drop_retired(engine, after)) == []
    spaces.retire(engine, OLD_KEY)
    age(engine, OLD_KEY, 15)
    assert "will be dropped by the next run" in next(drop_retired(engine, after))


def test_a_space_is_exported_before_it_is_dropped_when_an_archive_folder_is_set(engine, after, tmp_path) -> None:
    archived = after.model_copy(update={"archive_folder": tmp_path / "archive"})
    row = spaces.get_space(engine, OLD_KEY)
    age(engine, OLD_KEY, 15)
    list(drop_retired(engine, archived))
    [said] = drop_retired(engine, archived)
    assert archive_path(tmp_path / "archive", row).exists()
    assert "exported to" in said


def test_a_space_that_cannot_be_exported_is_not_dropped(engine, after, tmp_path) -> None:
    blocked = tmp_path / "archive"
    blocked.write_text("a file where the folder should be")
    settings = after.model_copy(update={"archive_folder": blocked})
    age(engine, OLD_KEY, 15)
    list(drop_retired(engine, settings))
    [fault] = drop_retired(engine, settings)
    assert "check MORPHEUS_ARCHIVE_FOLDER" in str(fault)
    assert OLD_KEY in stored(engine)


def test_vectors_that_nothing_needs_are_announced_then_deleted_and_no_others(engine, after) -> None:
    remove_novel(engine, "novel-000")
    first = list(collect_orphans(engine, after))
    assert [said.split(" are needed")[0] for said in first] == [
        f"3 of 12 vectors of {OLD_KEY}",
        f"3 of 12 vectors of {NEW_KEY}",
    ]
    assert vector_summary(engine, spaces.get_space(engine, NEW_KEY)).rows == 12
    second = list(collect_orphans(engine, after))
    assert f"3 vectors of {NEW_KEY} were needed by nothing and are deleted." in second
    assert vector_summary(engine, spaces.get_space(engine, NEW_KEY)).rows == 9
    assert list(collect_orphans(engine, after)) == []


def test_more_orphans_than_needed_vectors_are_kept_for_a_retention(engine, after) -> None:
    for novel in names(3):
        remove_novel(engine, novel)
    list(collect_orphans(engine, after))
    assert all("more than half, so they are kept until" in said for said in collect_orphans(engine, after))
    assert vector_summary(engine, spaces.get_space(engine, NEW_KEY)).rows == 12


def test_the_job_says_what_it_does_and_fails_when_something_could_not_be_done(engine, after, tmp_path) -> None:
    age(engine, OLD_KEY, 15)
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_definitions(after).resolve_job_def("upkeep")
        for _ in range(2):
            assert job.execute_in_process(instance=instance).success
    assert stored(engine) == [NEW_KEY]
