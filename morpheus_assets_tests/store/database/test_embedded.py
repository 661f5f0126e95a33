import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy

from morpheus_assets.store.database import server_files
from morpheus_assets.store.database.embedded import EmbeddedPostgres, running_url
from morpheus_assets.store.database.errors import EmbeddedServerError
from morpheus_assets.store.database.machine_memory import memory_bytes
from morpheus_assets_tests import python_path


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="mpe"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def server(folder):
    made = EmbeddedPostgres(folder / "pg")
    yield made
    # whatever the test did, nothing is left running
    if running_url(made.data_folder) is not None:
        made.start()
        made.stop()


@pytest.fixture(scope="module")
def running():
    """One server for the tests that only look at it; gives the folder."""
    made = Path(tempfile.mkdtemp(prefix="mpe"))
    made.chmod(0o711)
    with EmbeddedPostgres(made / "pg"):
        yield made / "pg"
    shutil.rmtree(made, ignore_errors=True)


def postmaster(folder: Path) -> psutil.Process:
    pid_file = server_files.home_of(folder) / "pgdata" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().splitlines()[0]))


def ended_within(seconds: float, pid: int) -> bool:
    """Whether a process ends in time; one that its container never reaps counts as ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def count_rows(url: str) -> int:
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM kept").scalar_one()
    engine.dispose()
    return found


def test_a_server_starts_serves_both_databases_and_keeps_its_rows(server, folder) -> None:
    assert running_url(folder / "pg") is None
    server.start()
    assert server.owned
    server.ensure_databases()
    server.ensure_databases()
    assert running_url(folder / "pg") == server.url()
    engine = sqlalchemy.create_engine(server.url())
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE kept AS SELECT 1 AS n")
        settings = dict(
            connection.exec_driver_sql(
                "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'listen_addresses', 'max_connections')"
            ).all()
        )
    engine.dispose()
    assert settings == {"fsync": "on", "listen_addresses": "", "max_connections": "200"}
    dagster = sqlalchemy.create_engine(server.url("dagster", driver="postgresql+psycopg2"))
    with dagster.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "off"
    dagster.dispose()
    server.stop()
    assert running_url(folder / "pg") is None
    server.start()
    assert count_rows(server.url()) == 1


def test_it_keeps_an_eighth_of_the_memory_of_its_pages_within_bounds(running) -> None:
    with psycopg.connect(EmbeddedPostgres(running).url("postgres", driver="postgresql")) as connection:
        [pages] = connection.execute("SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers'").fetchone()
    assert pages * 8192 >> 20 == min(max(memory_bytes() >> 23, 256), 2048)


def test_no_port_is_open_and_the_socket_lies_in_a_private_folder(running) -> None:
    process = postmaster(running)
    assert [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN and c.family != 1] == []
    home = server_files.home_of(running)
    for place in (home, home / "pgdata"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert not (home / "pgdata" / server_files.SOCKET_NAME).stat().st_mode & 0o077


def test_a_second_process_joins_and_does_not_stop_what_it_does_not_own(running) -> None:
    second = EmbeddedPostgres(running)
    second.start()
    assert not second.owned
    second.stop()
    assert running_url(running) is not None


OWN_AND_HANG = """
import sys, time
from pathlib import Path
from morpheus_assets.store.database.embedded import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).start()
print("up", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_the_server_of_a_killed_owner_is_adopted_by_the_next(server, folder) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWN_AND_HANG, folder / "pg"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": python_path(".")},
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    pid = postmaster(folder / "pg").pid
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert running_url(folder / "pg") is not None
    server.start()
    assert server.owned
    assert postmaster(folder / "pg").pid == pid
    server.stop()
    assert ended_within(60, pid)


@pytest.mark.slow
def test_a_killed_server_recovers_what_was_committed(server, folder) -> None:
    server.start()
    server.ensure_databases()
    with psycopg.connect(server.url(driver="postgresql"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    postmaster(folder / "pg").send_signal(signal.SIGKILL)
    server.stop()
    server.start()
    assert count_rows(server.url()) == 1000


def test_a_pid_file_that_names_a_stranger_does_not_block_the_start(server, folder) -> None:
    server.start()
    server.stop()
    pid_file = server_files.home_of(folder / "pg") / "pgdata" / "postmaster.pid"
    # the stranger must be of the server's own account: Postgres ignores the pids of others by itself
    stranger = subprocess.Popen(["sleep", "60"], user=server_files.SERVER_USER if os.geteuid() == 0 else None)
    try:
        pid_file.write_text(
            f"{stranger.pid}\n{pid_file.parent}\n{int(time.time())}\n5432\n{pid_file.parent}\n\n\nready   \n"
        )
        shutil.chown(pid_file, pid_file.parent.stat().st_uid)
        assert running_url(folder / "pg") is None
        server.start()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert running_url(folder / "pg") is not None


def test_a_long_path_gets_a_short_private_socket_folder(folder) -> None:
    deep = folder / ("deep" * 30)
    server = EmbeddedPostgres(deep)
    deep.mkdir(mode=0o755)
    with server:
        assert running_url(deep) == server.url()
        socket_folder = server_files.socket_folder_of(server_files.home_of(deep) / "pgdata")
        assert socket_folder != deep / "pgdata"
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert len(str(socket_folder)) < 60
    shutil.rmtree(socket_folder)


def test_a_socket_folder_that_somebody_prepared_is_refused(folder) -> None:
    deep = folder / ("trap" * 30)
    deep.mkdir(mode=0o755)
    trap = server_files.socket_folder_of(deep / "pgdata")
    trap.mkdir(mode=0o777)
    trap.chmod(0o777)
    server = EmbeddedPostgres(deep)
    try:
        with pytest.raises(EmbeddedServerError, match="mode 0700"):
            server.start(timeout_seconds=20)
        assert not server.owned
    finally:
        trap.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server under another account")
def test_as_root_a_closed_parent_stays_closed(folder) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "project") as server:
        home = server_files.home_of(closed / "project")
        assert home.is_relative_to("/var/lib/morpheus-assets")
        assert running_url(closed / "project") == server.url()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert stat.S_IMODE((closed / "project").stat().st_mode) == 0o700
    shutil.rmtree(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_account_of_the_machine_is_not_let_in(running) -> None:
    # even with the folder opened by mistake, the server asks the kernel who is calling
    home = server_files.home_of(running)
    programs = server_files.prepare(running).programs
    command = [programs / "psql", "-h", home / "pgdata", "-U", "postgres", "-c", "SELECT 1"]
    places = {home: 0o755, home / "pgdata": 0o755, home / "pgdata" / server_files.SOCKET_NAME: 0o777}
    try:
        for place, mode in places.items():
            place.chmod(mode)
        tried = subprocess.run(command, user="nobody", cwd="/", capture_output=True, text=True, check=False)
    finally:
        for place in places:
            place.chmod(0o700)
    assert tried.returncode != 0
    assert "Peer authentication failed" in tried.stderr


def test_data_of_another_major_version_is_refused(folder) -> None:
    server = EmbeddedPostgres(folder / "pg")
    data = server_files.prepare(folder / "pg").data
    data.mkdir(mode=0o700)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedServerError, match="written by Postgres 16"):
        server.start(timeout_seconds=5)
    assert not server.owned
