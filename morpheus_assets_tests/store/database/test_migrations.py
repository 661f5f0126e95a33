import threading

import pytest

from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.errors import DatabaseUnusable, MigrationError
from morpheus_assets.store.database.migrations import migrate, sql_folder


@pytest.fixture
def empty_engine(empty_database_url):
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "001_first.sql").write_text("CREATE TABLE first (n integer); INSERT INTO first VALUES (1);")
    (tmp_path / "002_second.sql").write_text("CREATE TABLE second (n integer);")
    return tmp_path


def test_every_file_is_applied_once_and_in_order(empty_engine, folder) -> None:
    assert migrate(empty_engine, folder) == ["001_first.sql", "002_second.sql"]
    assert migrate(empty_engine, folder) == []
    (folder / "003_third.sql").write_text("CREATE TABLE third (n integer);")
    assert migrate(empty_engine, folder) == ["003_third.sql"]


def test_the_projects_own_files_apply(empty_engine) -> None:
    assert migrate(empty_engine) == [path.name for path in sorted(sql_folder().glob("*.sql"))]


def test_a_file_changed_after_it_was_applied_is_an_error(empty_engine, folder) -> None:
    migrate(empty_engine, folder)
    (folder / "001_first.sql").write_text("CREATE TABLE first (n bigint);")
    with pytest.raises(MigrationError, match=r"001_first\.sql was changed after it was applied"):
        migrate(empty_engine, folder)


def test_a_database_newer_than_the_checkout_is_an_error(empty_engine, folder) -> None:
    migrate(empty_engine, folder)
    (folder / "002_second.sql").unlink()
    with pytest.raises(MigrationError, match="older than the database"):
        migrate(empty_engine, folder)


def test_a_failing_file_is_rolled_back_and_the_earlier_ones_stay(empty_engine, folder) -> None:
    (folder / "002_second.sql").write_text("CREATE TABLE second (n integer); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match=r"002_second\.sql failed and was rolled back: division by zero"):
        migrate(empty_engine, folder)
    with empty_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM first").scalar_one() == 1
        assert connection.exec_driver_sql("SELECT to_regclass('second')").scalar_one() is None
    (folder / "002_second.sql").write_text("CREATE TABLE second (n integer);")
    assert migrate(empty_engine, folder) == ["002_second.sql"]


def test_many_processes_at_once_apply_each_file_once(empty_database_url, folder) -> None:
    done: list[str] = []

    def run() -> None:
        engine = open_engine(empty_database_url)
        done.extend(migrate(engine, folder))
        engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["001_first.sql", "002_second.sql"]


@pytest.mark.parametrize("name", ["no_number.sql", "1_short.sql", "001_Big.sql"])
def test_a_badly_named_file_is_refused(empty_engine, folder, name) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="must be named like"):
        migrate(empty_engine, folder)


def test_a_number_used_twice_is_refused(empty_engine, folder) -> None:
    (folder / "001_again.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="same number"):
        migrate(empty_engine, folder)


def test_a_number_that_comes_after_a_higher_one_is_applied_then(empty_engine, folder) -> None:
    (folder / "005_later.sql").write_text("CREATE TABLE later (n integer);")
    migrate(empty_engine, folder)
    (folder / "004_late.sql").write_text("CREATE TABLE late (n integer);")
    assert migrate(empty_engine, folder) == ["004_late.sql"]
    assert migrate(empty_engine, folder) == []


def test_a_database_that_is_down_is_one_sentence() -> None:
    with pytest.raises(DatabaseUnusable, match="No Postgres answers"):
        migrate(open_engine("postgresql:///books?host=/nowhere"))
