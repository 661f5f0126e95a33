"""Databases made so that something is wrong with each, and the sentence that a person reads at the start."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError

from morpheus_assets.store.database import outages
from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.errors import DatabaseFull, DatabaseTooOld, DatabaseUnusable, PgvectorMissing
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets.store.database.outages import passes_by_itself, retry_while_down, sentence_for
from morpheus_assets.store.database.server_checks import Server, _check_versions, check_server, check_start
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.fixtures.faults import FaultRow

_numbers = count(1)


class Administrator:
    """The owner of the test server: makes databases and users, and takes both away again."""

    def __init__(self, server_url: str) -> None:
        self.address = make_url(server_url)
        self._made: list[str] = []
        self._engines: list[Engine] = []

    def say(self, statement: str, database: str | None = None) -> None:
        where = self.address.set(drivername="postgresql")
        if database:
            where = where.set(database=database)
        with psycopg.connect(where.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f"SET ROLE NONE; {statement}".encode() if database else statement.encode())

    def database(self, options: str = "") -> str:
        name = f"morpheus_checked_{next(_numbers)}"
        self.say(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.say(f"CREATE DATABASE {name} {options}")
        self._made.insert(0, f"DROP DATABASE {name} WITH (FORCE)")
        return name

    def user(self, options: str = "") -> str:
        name = f"morpheus_user_{next(_numbers)}"
        self.say(f"DROP ROLE IF EXISTS {name}")
        self.say(f"CREATE ROLE {name} LOGIN {options}")
        self._made.append(f"DROP ROLE {name}")
        return name

    def engine(self, database: str, **options: object) -> Engine:
        url: URL = self.address.set(database=database)
        made = open_engine(url.render_as_string(hide_password=False), **options)
        self._engines.append(made)
        return made

    def end(self) -> None:
        for engine in self._engines:
            engine.dispose()
        for statement in self._made:
            self.say(statement)


@pytest.fixture
def administrator(server_url: str) -> Iterator[Administrator]:
    made = Administrator(server_url)
    yield made
    made.end()


@pytest.fixture
def as_user(administrator: Administrator) -> Callable[[str, str], Engine]:
    """An engine whose connections act for another user: the embedded server lets one account in by its socket."""

    def act(database: str, user: str) -> Engine:
        administrator.say(f"ALTER DATABASE {database} SET role = '{user}'")
        return administrator.engine(database)

    return act


@pytest.mark.parametrize(("encoding", "locale"), [("LATIN1", "C"), ("SQL_ASCII", "C")])
def test_a_database_that_cannot_hold_every_text_is_refused_before_anything_is_written(
    administrator: Administrator, encoding: str, locale: str, fault_row: FaultRow
):
    name = administrator.database(f"ENCODING '{encoding}' LOCALE '{locale}' TEMPLATE template0")
    for check in (check_server, check_start):
        with pytest.raises(DatabaseUnusable, match=f"encoded in {encoding}.*--encoding=UTF8") as caught:
            check(administrator.engine(name))
    fault_row(f"a database encoded in {encoding}", sentence=caught.value)


def test_a_database_that_only_allows_reading_is_refused(administrator: Administrator, fault_row: FaultRow):
    name = administrator.database()
    administrator.say(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnusable, match="only allows reading") as caught:
        check_start(administrator.engine(name))
    fault_row("default_transaction_read_only", sentence=caught.value)
    check_server(administrator.engine(name))


def test_a_user_who_may_not_create_tables_is_told_the_grant(administrator: Administrator, as_user, fault_row: FaultRow):
    name, user = administrator.database(), administrator.user()
    administrator.say("CREATE EXTENSION vector", name)
    with pytest.raises(DatabaseUnusable, match=f'GRANT CREATE, USAGE ON SCHEMA public TO "{user}"') as caught:
        check_start(as_user(name, user))
    fault_row("a role without CREATE on the schema", sentence=caught.value)
    administrator.say(f'GRANT CREATE, USAGE ON SCHEMA public TO "{user}"', name)
    assert check_start(as_user(name, user)) == []


def test_a_user_who_may_not_add_pgvector_is_told_who_may(administrator: Administrator, as_user, fault_row: FaultRow):
    name, user = administrator.database(), administrator.user()
    administrator.say(f"GRANT CREATE, USAGE ON SCHEMA public TO {user}", name)
    with pytest.raises(PgvectorMissing, match="CREATE EXTENSION vector") as caught:
        check_start(as_user(name, user))
    fault_row("no pgvector, and a role that may not add it", sentence=caught.value)


def test_pgvector_in_a_schema_of_its_own_is_used_there(administrator: Administrator, make_space, fault_row: FaultRow):
    name = administrator.database()
    administrator.say("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions", name)
    engine = administrator.engine(name)
    with pytest.raises(PgvectorMissing, match="search_path"):
        check_server(engine)
    [note] = check_start(engine)
    assert "'extensions'" in note
    fault_row("pgvector in a schema that is not on the search_path", sentence=note)
    assert check_start(administrator.engine(name)) == []
    check_server(engine)
    migrate(engine)
    space = spaces.register_space(engine, make_space())
    assert vectors.vector_summary(engine, space).rows == 0
    administrator.say(f"ALTER ROLE CURRENT_USER IN DATABASE {name} RESET ALL")


@pytest.mark.parametrize(("version", "lost"), [("0.8.0", "parallel builds"), ("0.8.1", "parallel"), ("0.8.3", "fixes")])
def test_an_older_pgvector_works_and_what_is_lost_is_said(
    administrator: Administrator, version: str, lost: str, fault_row: FaultRow
):
    name = administrator.database()
    administrator.say(f"CREATE EXTENSION vector; UPDATE pg_extension SET extversion = '{version}'", name)
    engine = administrator.engine(name)
    [note] = check_start(engine)
    assert note.startswith(f"pgvector {version} works")
    assert lost in note
    fault_row(f"pgvector {version}", sentence=note)
    check_server(engine)
    administrator.say("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'", name)
    with pytest.raises(PgvectorMissing, match=r"0\.7\.4 is too old: 0\.8\.0"):
        check_start(engine)


@pytest.mark.parametrize(
    ("version", "offered", "installed", "kind", "sentence"),
    [
        (140011, "0.8.5", "0.8.5", DatabaseTooOld, "Postgres 14 is too old"),
        (150001, None, None, PgvectorMissing, "has no pgvector"),
        (160001, "0.7.4", None, PgvectorMissing, "upgrade it on the server"),
        (160001, "0.8.5", "0.6.2", PgvectorMissing, "ALTER EXTENSION vector UPDATE"),
    ],
)
def test_old_servers_and_extensions_are_named_with_the_remedy(version, offered, installed, kind, sentence):
    server = Server(version, offered, installed, None, True, "public", True, True, False, False, "me", 90, 100, [])
    with pytest.raises(kind, match=sentence):
        _check_versions(server)


def test_a_search_path_without_a_schema_is_told_with_both_ways_out(administrator: Administrator, fault_row: FaultRow):
    name = administrator.database()
    administrator.say(f"ALTER DATABASE {name} SET search_path = nowhere")
    with pytest.raises(
        DatabaseUnusable, match=r"GRANT CREATE, USAGE ON SCHEMA public.*ALTER ROLE .* SET search_path"
    ) as caught:
        check_start(administrator.engine(name))
    fault_row("a search_path that names no schema", sentence=caught.value)


def test_time_limits_that_end_long_work_are_told_with_the_statements_that_lift_them(
    administrator: Administrator, fault_row: FaultRow
):
    name = administrator.database()
    administrator.say(f"ALTER DATABASE {name} SET statement_timeout = '5s'")
    administrator.say(f"ALTER DATABASE {name} SET lock_timeout = '2s'")
    [note] = check_start(administrator.engine(name))
    assert "are lock_timeout, statement_timeout" in note
    assert f'IN DATABASE "{name}" SET statement_timeout = 0' in note
    fault_row("statement_timeout and lock_timeout of a few seconds", sentence=note)
    administrator.say(f"ALTER DATABASE {name} SET lock_timeout = 0")
    administrator.say(f"ALTER DATABASE {name} SET statement_timeout = '10min'")
    assert check_start(administrator.engine(name)) == []


def test_too_few_connections_left_are_told_at_the_start(administrator: Administrator, as_user, fault_row: FaultRow):
    name = administrator.database("CONNECTION LIMIT 12")
    administrator.say("CREATE EXTENSION vector", name)
    [note] = check_start(administrator.engine(name), connections=20)
    assert "MORPHEUS_MAX_CONNECTIONS is 20" in note
    administrator.say(f"ALTER DATABASE {name} CONNECTION LIMIT 5")
    with pytest.raises(DatabaseFull, match="are left and 8 are needed: raise its max_connections") as caught:
        check_start(administrator.engine(name))
    fault_row("five connections are left at the start", sentence=caught.value)


def test_a_server_without_a_connection_left_is_told_from_one_that_is_away(
    monkeypatch: pytest.MonkeyPatch, fault_row: FaultRow
):
    monkeypatch.setattr(outages, "FULL_PATIENCE_SECONDS", 1.0)
    # the system's temporary folder: pytest's paths are too long for a socket
    folder = Path(tempfile.mkdtemp(prefix="mpf"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "pg", settings={"max_connections": "10", "superuser_reserved_connections": "0"})
    taken: list[psycopg.Connection] = []
    try:
        server.start()
        engine = open_engine(server.url("postgres"))
        address = server.url("postgres", "postgresql")
        while len(taken) < 10:
            taken.append(psycopg.connect(address))
        with pytest.raises(DatabaseFull, match="has no connection left: raise its max_connections"):
            check_server(engine)
        started = time.monotonic()
        with pytest.raises(OperationalError) as caught:
            retry_while_down(lambda: engine.connect().close())
        assert time.monotonic() - started < 60, "not as long as for a server that is away"
        assert not passes_by_itself(caught.value)
        assert "has no connection left" in str(sentence_for(caught.value))
        fault_row(
            "every connection of the server is taken in the middle of the work", sentence=sentence_for(caught.value)
        )
        monkeypatch.setattr(outages, "FULL_PATIENCE_SECONDS", 100.0)
        threading.Timer(0.3, taken.pop().close).start()
        retry_while_down(lambda: engine.connect().close())
        engine.dispose()
    finally:
        for connection in taken:
            connection.close()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
