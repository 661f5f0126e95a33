import socket

import pytest
from sqlalchemy.engine import make_url

from morpheus_assets.store.database.engine import _check_versions, check_server, open_engine
from morpheus_assets.store.database.errors import (
    DatabaseDown,
    DatabaseLoginRefused,
    DatabaseMissing,
    DatabaseTooOld,
    DatabaseUnusable,
    PgvectorMissing,
)


def test_a_usable_server_passes(engine) -> None:
    check_server(engine)


def test_any_postgres_driver_in_the_url_becomes_psycopg_3(database_url) -> None:
    for name in ("postgres", "postgresql", "postgresql+psycopg2"):
        url = database_url.replace("postgresql+psycopg", name, 1)
        try:
            engine = open_engine(url)
            check_server(engine)
        finally:
            engine.dispose()


def test_a_database_that_is_down_is_told_without_the_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DatabaseDown, match=r"No Postgres answers at 127\.0\.0\.1") as caught:
        check_server(open_engine(f"postgresql://me:s3cret@127.0.0.1:{port}/books"))
    assert "s3cret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_database_is_told_apart(database_url) -> None:
    url = make_url(database_url).set(database="no_such_books").render_as_string(hide_password=False)
    with pytest.raises(DatabaseMissing, match="createdb no_such_books"):
        check_server(open_engine(url))


def test_a_refused_login_is_told_apart(database_url) -> None:
    url = make_url(database_url).set(username="nobody_here", password="s3cret")
    with pytest.raises(DatabaseLoginRefused, match="correct user and password") as caught:
        check_server(open_engine(url.render_as_string(hide_password=False)))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["not a url with s3cret", "mysql://me:s3cret@host/db"])
def test_an_address_that_is_no_postgres_url_is_refused_without_repeating_secrets(url) -> None:
    with pytest.raises(DatabaseUnusable, match="MORPHEUS_DATABASE_URL") as caught:
        open_engine(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("version", "vector", "kind", "sentence"),
    [
        (140011, ("0.8.5", "0.8.5"), DatabaseTooOld, "Postgres 14 is too old"),
        (150001, None, PgvectorMissing, "has no pgvector"),
        (160001, ("0.7.4", None), PgvectorMissing, "upgrade it on the server"),
        (160001, ("0.8.5", "0.6.2"), PgvectorMissing, "ALTER EXTENSION vector UPDATE"),
    ],
)
def test_old_servers_and_extensions_are_named_with_the_remedy(version, vector, kind, sentence) -> None:
    with pytest.raises(kind, match=sentence):
        _check_versions(version, vector)
