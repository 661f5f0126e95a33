import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from morpheus_assets.services.backup import backup, read_backup, restore
from morpheus_assets.services.connections import StartFailed
from morpheus_assets.services.running_parts import write_parts
from morpheus_assets.settings import Settings
from morpheus_assets.store.database import embedded, server_files
from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.errors import DumpError, StoreError
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets_tests.defs.test_storage import materialize
from morpheus_assets_tests.fixtures.deployment import Deployment, story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.pgbouncer import PgBouncer, pgbouncer, pgbouncer_program
from morpheus_assets_tests.fixtures.remembered import Remember

__all__ = ["pgbouncer", "pgbouncer_program"]

MOMENTARY = ("leases", "embedding_claims")


def quiet(_: int) -> None: ...


def rows_of(url: str) -> dict[str, list[str]]:
    """Every row of every table of a database, as text."""
    engine = open_engine(url)
    found = {}
    with engine.connect() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        for name in set(names) - set(MOMENTARY):
            rows = connection.exec_driver_sql(f'SELECT t::text FROM "{name}" t ORDER BY 1')
            found[name] = [row[0] for row in rows]
    engine.dispose()
    return found


def bring_back(settings: Settings, file: Path, **options: bool) -> list[str]:
    said: list[str] = []
    restore(settings, file, read_backup(file, quiet), quiet, said.append, **options)
    return said


def at(settings: Settings, url: str) -> Settings:
    """The same settings over another database."""
    return settings.model_copy(update={"database_url": Settings(_env_file=None, database_url=url).database_url})


@pytest.fixture
def stored(deployment: Deployment, remember: Remember, tmp_path: Path) -> tuple[Deployment, Path]:
    """A deployment with two novels, and its backup."""

    def ingest() -> None:
        for seed, novel in enumerate(("anna", "emma")):
            deployment.drop(f"{novel}.txt", story(seed=seed))
        assert deployment.ingest("anna", "emma").success

    remember("two novels", deployment, ingest)
    file = tmp_path / "backup.morpheus"
    assert backup(deployment.settings, file, quiet, content_only=True) == file.stat().st_size
    return deployment, file


@pytest.fixture
def older_server_url() -> Iterator[str]:
    """A database of Postgres 16, which comes with the packaged one."""
    folder = Path(tempfile.mkdtemp(prefix="mpo"))
    folder.chmod(0o711)
    programs = server_files.packaged_programs().parents[1] / "pginstall" / "bin"
    if not (programs / "postgres").exists():
        pytest.skip("no older Postgres comes with the packaged one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_files, "packaged_programs", lambda: programs)
        patch.setattr(embedded, "SERVER_MAJOR", "16")
        server = EmbeddedPostgres(folder / "pg")
        server.start()
        server.ensure_databases()
    yield server.url()
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_backup_brings_back_every_row_and_nothing_is_paid_again(
    stored: tuple[Deployment, Path], empty_database_url: str
):
    deployment, file = stored
    assert file.stat().st_mode & 0o777 == 0o600
    moved = at(deployment.settings, empty_database_url)
    bring_back(moved, file)
    assert rows_of(empty_database_url) == rows_of(deployment.settings.database_url.get_secret_value())
    asked = deployment.requests
    engine = open_engine(empty_database_url)
    again = Deployment(moved, engine, deployment.instance, deployment.server)
    assert again.ingest("anna", "emma").success
    assert deployment.requests == asked
    deployment.drop("ida.txt", story(seed=9))
    assert again.ingest("ida").success, "numbers go on where they stood"
    engine.dispose()


@pytest.mark.slow
def test_it_goes_to_a_server_of_another_major_version_with_its_indexes(
    stored: tuple[Deployment, Path], older_server_url: str
):
    deployment, file = stored
    bring_back(at(deployment.settings, older_server_url), file)
    own = deployment.settings.database_url.get_secret_value()
    assert rows_of(older_server_url) == rows_of(own)
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    indexes = []
    for url in (own, older_server_url):
        engine = open_engine(url)
        with engine.connect() as connection:
            indexes.append([row[0] for row in connection.execute(text(query))])
        engine.dispose()
    assert indexes[0] == indexes[1]


def test_what_is_stored_is_overwritten_only_when_that_is_wanted(
    stored: tuple[Deployment, Path], database_url: str, engine: Engine, tmp_path: Path
):
    deployment, file = stored
    before = rows_of(database_url)
    with pytest.raises(DumpError, match=r"is not empty.*--overwrite"):
        bring_back(deployment.settings, file)
    deployment.drop("ida.txt", story(seed=9))
    assert deployment.ingest("ida").success
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses AS SELECT 1 AS number"))
    bring_back(deployment.settings, file, overwrite=True)
    found = rows_of(database_url)
    assert found.pop("somebody_elses") == ["(1)"]
    assert found == before
    beside = tmp_path / "again.morpheus"
    backup(deployment.settings, beside, quiet, content_only=True)
    assert "somebody_elses" not in read_backup(beside, quiet).content.tables


def test_a_database_that_was_only_started_once_is_empty(stored: tuple[Deployment, Path], empty_database_url: str):
    deployment, file = stored
    engine = open_engine(empty_database_url)
    migrate(engine)
    engine.dispose()
    bring_back(at(deployment.settings, empty_database_url), file)
    assert len(rows_of(empty_database_url)["novels"]) == 2


def test_a_file_that_is_not_whole_is_refused_before_anything_changes(
    stored: tuple[Deployment, Path], empty_database_url: str
):
    deployment, file = stored
    whole = file.read_bytes()
    flipped = whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]
    for damaged in (b"", whole[:100], whole[: len(whole) // 2], whole[:-1], flipped, b"CREATE TABLE novels ();"):
        file.write_bytes(damaged)
        with pytest.raises(DumpError, match=r"no whole backup .*Nothing was changed\."):
            bring_back(at(deployment.settings, empty_database_url), file)
    assert rows_of(empty_database_url) == {}


def test_a_dump_that_fails_in_its_middle_leaves_the_database_as_it_was(
    stored: tuple[Deployment, Path], database_url: str, fault_row: FaultRow
):
    deployment, file = stored
    before = rows_of(database_url)
    held = read_backup(file, quiet)
    cut = file.with_name("cut.morpheus")
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(cut, "w") as archive:
        dump = whole.read("content.dump")
        archive.writestr("content.dump", dump[: len(dump) * 3 // 4])
        archive.writestr("manifest.json", whole.read("manifest.json"))
    with pytest.raises(DumpError, match="the database is as it was") as caught:
        restore(deployment.settings, cut, held, quiet, lambda _: None, content_only=True, overwrite=True)
    after = rows_of(database_url)
    assert after == before
    lost = sum(after[table] != rows for table, rows in before.items())
    fault_row("a backup that ends in its middle is restored over what is stored", sentence=caught.value, lost=lost)


def test_a_backup_that_fails_leaves_the_one_before_and_no_pieces(tmp_path: Path):
    file = tmp_path / "backup.morpheus"
    file.write_text("the one before")
    settings = Settings(
        _env_file=None, database_url="postgresql://nobody@127.0.0.1:9/nothing", data_folder=tmp_path / "data"
    )
    with pytest.raises(StoreError, match="No Postgres answers"):
        backup(settings, file, quiet)
    assert file.read_text() == "the one before"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_dagsters_runs_come_back_too_and_belong_to_the_restored_content(
    stored: tuple[Deployment, Path], empty_database_url: str, server_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    deployment, _ = stored
    monkeypatch.delenv("DAGSTER_PG_URL", raising=False)
    from morpheus_assets.services.connections import own_dagster_url

    own = own_dagster_url(deployment.settings, deployment.engine)
    with instance_over(own, tmp_path / "one") as instance:
        run_id = materialize(instance).run_id
    file = tmp_path / "both.morpheus"
    backup(deployment.settings, file, quiet)
    moved = at(deployment.settings, empty_database_url)
    bring_back(moved, file)
    there = open_engine(empty_database_url)
    url = own_dagster_url(moved, there)
    there.dispose()
    assert make_url(url).database == f"{make_url(empty_database_url).database}_dagster"
    with instance_over(url, tmp_path / "two") as instance:
        assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.SUCCESS
        assert materialize(instance).success
    with pytest.raises(DumpError, match="is not empty"):
        bring_back(moved, file)
    bring_back(moved, file, overwrite=True)
    drop = open_engine(server_url)
    with drop.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for address in (own, url):
            connection.execute(text(f'DROP DATABASE "{make_url(address).database}" WITH (FORCE)'))
    drop.dispose()


def instance_over(url: str, folder: Path) -> dg.DagsterInstance:
    from morpheus_assets.settings import PROJECT_FOLDER

    folder.mkdir()
    os.environ["DAGSTER_PG_URL"] = url
    storage = (PROJECT_FOLDER / "dagster.yaml").read_text(encoding="utf-8").split("\nrun_queue")[0]
    (folder / "dagster.yaml").write_text(storage + "\ntelemetry: {enabled: false}\n", encoding="utf-8")
    try:
        return dg.DagsterInstance.from_config(str(folder))
    finally:
        del os.environ["DAGSTER_PG_URL"]


def test_what_stands_in_the_way_of_a_restore_is_said(stored: tuple[Deployment, Path]):
    deployment, file = stored
    held = read_backup(file, quiet)
    newer = held.__class__(held.taken, held.content._replace(program=99), None)
    with pytest.raises(DumpError, match=r"pg_restore of Postgres 99 or newer, and here is .*postgresql-client-99"):
        restore(deployment.settings, file, newer, quiet, lambda _: None, overwrite=True)
    deployment.settings.data_folder.mkdir(exist_ok=True)
    write_parts(deployment.settings.data_folder, "", None, [])
    with pytest.raises(StartFailed, match="`morpheus up` runs over these databases"):
        bring_back(deployment.settings, file, overwrite=True)


def test_a_transaction_pooler_is_gone_around(stored: tuple[Deployment, Path], pgbouncer: PgBouncer, tmp_path: Path):
    deployment, _ = stored
    through = at(deployment.settings, pgbouncer.url(deployment.settings.database_url.get_secret_value()))
    file = tmp_path / "pooled.morpheus"
    with pytest.raises(StoreError, match="MORPHEUS_DIRECT_DATABASE_URL"):
        backup(through, file, quiet, content_only=True)
    around = through.model_copy(update={"direct_database_url": deployment.settings.database_url})
    backup(around, file, quiet, content_only=True)
    assert "novels" in read_backup(file, quiet).content.tables
