import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from morpheus_assets.store.database.engine import open_engine, parse_address
from morpheus_assets.store.database.errors import (
    DatabaseDown,
    DatabaseLoginRefused,
    DatabaseMissing,
    DatabaseUnusable,
)
from morpheus_assets.store.database.server_checks import check_server
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.ports import free_port


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


def test_a_database_that_is_down_is_told_without_the_password(fault_row: FaultRow) -> None:
    port = free_port()
    with pytest.raises(DatabaseDown, match=r"No Postgres answers at 127\.0\.0\.1") as caught:
        check_server(open_engine(f"postgresql://me:s3cret@127.0.0.1:{port}/books"))
    assert "s3cret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    fault_row("no Postgres at the address", sentence=caught.value)


def test_a_missing_database_is_told_apart(database_url, fault_row: FaultRow) -> None:
    url = make_url(database_url).set(database="no_such_books").render_as_string(hide_password=False)
    with pytest.raises(DatabaseMissing, match="createdb no_such_books") as caught:
        check_server(open_engine(url))
    fault_row("a database that is not there", sentence=caught.value)


def test_a_refused_login_is_told_apart(refusing: Callable[[str, str, str], str], fault_row: FaultRow) -> None:
    url = refusing("FATAL", "28P01", 'password authentication failed for user "me"')
    with pytest.raises(DatabaseLoginRefused, match="correct user and password") as caught:
        check_server(open_engine(url))
    assert "s3cret" not in str(caught.value)
    fault_row("a login that is refused", sentence=caught.value)


@pytest.mark.parametrize("url", ["not a url with s3cret", "mysql://me:s3cret@host/db"])
def test_an_address_that_is_no_postgres_url_is_refused_without_repeating_secrets(url) -> None:
    with pytest.raises(DatabaseUnusable, match="MORPHEUS_DATABASE_URL") as caught:
        open_engine(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("character", list("/?#[]% :&="))
def test_a_password_may_hold_any_character_but_an_at_sign(character) -> None:
    url = parse_address(f"postgresql://me:se{character}cret@127.0.0.1:1/books")
    assert (url.username, url.password, url.host, url.port) == ("me", f"se{character}cret", "127.0.0.1", 1)


@pytest.mark.parametrize("password", ["s3@cret", "s3@cr:et", "@s3cret", "s3cret@", "s3@cr/et?"])
def test_an_at_sign_in_a_password_is_named_with_the_remedy_and_no_part_of_it(password) -> None:
    with pytest.raises(DatabaseUnusable, match="%40") as caught:
        open_engine(f"postgresql://me:{password}@127.0.0.1:5432/books")
    assert "s3" not in str(caught.value)
    assert "cr" not in str(caught.value)


def test_a_port_that_is_no_number_is_one_sentence() -> None:
    with pytest.raises(DatabaseUnusable, match="is not a URL"):
        open_engine("postgresql://me:s3cret@127.0.0.1:5o/books")


# A process of its own: libpq's question whether a server is there lets no other thread of this one work.
REFUSE = """
import socket, struct, sys
fields = [b"S" + sys.argv[1].encode(), b"VFATAL", b"C" + sys.argv[2].encode(), b"M" + sys.argv[3].encode()]
body = b"".join(each + b"\\0" for each in fields) + b"\\0"
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            while (packet := connection.recv(1024))[4:8] == struct.pack("!I", 80877103):
                connection.sendall(b"N")  # encryption is not offered
            if packet:
                connection.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)
"""


@pytest.fixture
def refusing() -> Iterator[Callable[[str, str, str], str]]:
    """A server that refuses every connection with a severity, code and sentence; gives its address."""
    servers: list[subprocess.Popen[str]] = []

    def refuse(*answer: str) -> str:
        servers.append(subprocess.Popen([sys.executable, "-c", REFUSE, *answer], stdout=subprocess.PIPE, text=True))
        assert servers[-1].stdout is not None
        return f"postgresql://me:s3cret@127.0.0.1:{servers[-1].stdout.readline().strip()}/buch"

    yield refuse
    for server in servers:
        server.kill()
        server.communicate()


@pytest.mark.parametrize(
    ("severity", "code", "sentence"),
    [
        ("FATAL", "28P01", "Passwort-Authentifizierung für Benutzer »me« fehlgeschlagen"),
        ("FATAL", "3D000", "Datenbank »buch« existiert nicht"),
        ("致命错误", "28000", '角色"me"不存在'),
    ],
)
def test_what_a_server_refuses_in_another_language_is_not_taken_for_an_outage(
    refusing: Callable[[str, str, str], str], severity: str, code: str, sentence: str, fault_row: FaultRow
) -> None:
    with pytest.raises(DatabaseLoginRefused, match="answers and refuses this connection") as caught:
        check_server(open_engine(refusing(severity, code, sentence)))
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)
    fault_row(f"{code} in another language", sentence=caught.value)


def test_a_host_that_a_server_has_no_rule_for_is_not_told_to_correct_its_password(
    refusing: Callable[[str, str, str], str], fault_row: FaultRow
) -> None:
    url = refusing("FATAL", "28000", 'no pg_hba.conf entry for host "::1", user "me", database "buch", no encryption')
    with pytest.raises(DatabaseLoginRefused, match=r"pg_hba\.conf needs an entry, or .* another sslmode") as caught:
        check_server(open_engine(url))
    fault_row("no pg_hba.conf entry for this host", sentence=caught.value)


def test_a_user_whom_a_real_server_does_not_know_is_refused_without_the_password(database_url) -> None:
    url = make_url(database_url).set(username="nobody_here", password="s3cret")
    with pytest.raises(DatabaseLoginRefused, match="nobody_here") as caught:
        check_server(open_engine(url.render_as_string(hide_password=False)))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_encryption_that_a_server_does_not_offer_is_not_taken_for_an_outage(
    refusing: Callable[[str, str, str], str], mode: str, tmp_path: Path, fault_row: FaultRow
) -> None:
    url = refusing("FATAL", "28000", "never read")
    (tmp_path / "root.crt").write_text("")
    with pytest.raises(DatabaseUnusable, match="do not agree on encryption: correct sslmode") as caught:
        check_server(open_engine(f"{url}?sslmode={mode}&sslrootcert={tmp_path}/root.crt"))
    assert "s3cret" not in str(caught.value)
    fault_row(f"sslmode={mode} and a server without encryption", sentence=caught.value)


def test_a_server_that_starts_is_an_outage_in_every_language(refusing: Callable[[str, str, str], str]) -> None:
    url = refusing("FATAL", "57P03", "das Datenbanksystem startet gerade")
    with pytest.raises(DatabaseDown, match="das Datenbanksystem startet"):
        check_server(open_engine(url))


def test_an_address_of_ipv6_is_named_as_it_was_given() -> None:
    with pytest.raises(DatabaseDown, match=r"No Postgres answers at ::1, database 'books'"):
        check_server(open_engine("postgresql://me:s3cret@[::1]:1/books"))
