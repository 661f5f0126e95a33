"""Two projects on one server: each has its own database for Dagster, and a foreign one is refused."""

import os
from collections.abc import Callable, Iterator
from itertools import count

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from morpheus_assets.store.database import ownership
from morpheus_assets.store.database.engine import disposing, open_engine
from morpheus_assets.store.database.errors import DatabaseUnusable
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets.store.database.ownership import check_direct_address, own_dagster_database
from morpheus_assets_tests.defs.model_change import add_novel
from morpheus_assets_tests.fixtures.faults import FaultRow

_numbers = count(1)
# The server may be one that others use.
FORMER_NAME = f"dagster_{os.getpid()}"


@pytest.fixture
def project(server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Engine]]:
    """Makes migrated content databases on one server; they go with the test, and Dagster's with them."""
    monkeypatch.setattr(ownership, "FORMER_NAME", FORMER_NAME)
    engines: list[Engine] = []
    address = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as server:

        def make() -> Engine:
            name = f"studio_{os.getpid()}_{next(_numbers)}"
            server.execute(f"CREATE DATABASE {name}".encode())
            url = make_url(server_url).set(database=name)
            engines.append(open_engine(url.render_as_string(hide_password=False)))
            migrate(engines[-1])
            return engines[-1]

        yield make
        names = [FORMER_NAME]
        for engine in engines:
            engine.dispose()
            names += [str(engine.url.database), f"{engine.url.database}_dagster"]
        for name in names:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def used_before(content: Engine, partition: str) -> None:
    """A database for Dagster of the former name, with one partition."""
    with content.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {FORMER_NAME}"))
    engine = open_engine(content.url.set(database=FORMER_NAME).render_as_string(hide_password=False))
    with engine.begin() as connection:
        table = "CREATE TABLE dynamic_partitions (id serial, partitions_def_name text, partition text)"
        connection.execute(text(table))
        connection.execute(
            text("INSERT INTO dynamic_partitions (partitions_def_name, partition) VALUES ('novels', :novel)"),
            {"novel": partition},
        )
    engine.dispose()


def test_each_project_has_a_database_named_after_its_content_and_keeps_it(project):
    production, staging = project(), project()
    own = own_dagster_database(production)
    assert own.database == f"{production.url.database}_dagster"
    assert own_dagster_database(production) == own
    assert own_dagster_database(staging).database == f"{staging.url.database}_dagster"


def test_an_event_of_dagster_does_not_wait_for_the_disk(project):
    own = own_dagster_database(project())
    with disposing(open_engine(own.render_as_string(hide_password=False))) as engine, engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "off"


def test_a_database_of_another_project_is_refused_by_its_name(project, fault_row: FaultRow):
    production, staging = project(), project()
    own = own_dagster_database(production)
    with pytest.raises(DatabaseUnusable, match=r"another project.*MORPHEUS_DAGSTER_DATABASE_URL") as caught:
        own_dagster_database(staging, own)
    assert str(production.url.database) in str(caught.value)
    fault_row("staging names production's database for Dagster", sentence=caught.value)
    with pytest.raises(DatabaseUnusable, match="belongs to another project"):
        own_dagster_database(staging, own)
    assert own_dagster_database(production, own) == own


def test_a_copy_of_the_content_under_another_name_does_not_take_the_originals(project, fault_row: FaultRow):
    production, staging = project(), project()
    with production.connect() as connection:
        identity = connection.execute(text("SELECT identity FROM project")).scalar_one()
    with staging.begin() as connection:
        connection.execute(text("UPDATE project SET identity = :identity"), {"identity": identity})
    own = own_dagster_database(production)
    with pytest.raises(DatabaseUnusable, match="belongs to another project") as caught:
        own_dagster_database(staging, own)
    fault_row("a copy of production's content takes its database for Dagster", sentence=caught.value)


def test_the_former_database_goes_on_for_the_project_whose_novels_it_knows_and_for_no_other(project):
    production, staging = project(), project()
    add_novel(production, "dracula")
    add_novel(staging, "emma")
    used_before(production, "dracula")
    assert own_dagster_database(staging).database == f"{staging.url.database}_dagster"
    assert own_dagster_database(production).database == FORMER_NAME
    assert own_dagster_database(production).database == FORMER_NAME


def test_a_direct_address_must_lead_to_the_same_database(project, fault_row: FaultRow):
    production, staging = project(), project()

    def with_direct(other: Engine) -> Engine:
        urls = [each.url.render_as_string(hide_password=False) for each in (production, other)]
        return open_engine(urls[0], direct_url=urls[1])

    check_direct_address(with_direct(production))
    with pytest.raises(DatabaseUnusable, match="name the same in both") as caught:
        check_direct_address(with_direct(staging))
    fault_row("MORPHEUS_DIRECT_DATABASE_URL leads to another database", sentence=caught.value)
