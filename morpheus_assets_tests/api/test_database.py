import asyncio
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from morpheus_assets.api.database import Database
from morpheus_assets.settings import Settings
from morpheus_assets.store.database.errors import DatabaseDown
from morpheus_assets.store.database.transactions import transaction


@pytest.fixture
def database(make_settings: Callable[..., Settings]) -> Iterator[Database]:
    made = Database(make_settings())
    yield made
    made.close()


def cut(engine: Engine, pid: int) -> None:
    with engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


@pytest.mark.parametrize("through", ["sqlalchemy", "psycopg"])
def test_a_connection_that_is_ended_in_the_middle_of_a_question_is_not_its_end(
    database: Database, engine: Engine, through: str
):
    tries: list[int] = []

    def ask(own: Engine) -> int:
        if through == "sqlalchemy":
            with own.connect() as connection:
                pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                if not tries:
                    tries.append(pid)
                    cut(engine, pid)
                return int(connection.execute(text("SELECT 42")).scalar_one())
        with transaction(own) as connection:
            [pid] = connection.execute("SELECT pg_backend_pid()").fetchone() or [0]
            if not tries:
                tries.append(pid)
                cut(engine, pid)
            [answer] = connection.execute("SELECT 42").fetchone() or [0]
            return int(answer)

    assert asyncio.run(database.call(ask)) == 42
    assert len(tries) == 1


def test_a_question_whose_connection_is_ended_each_time_is_told_so(database: Database, engine: Engine):
    tries: list[int] = []

    def ask(own: Engine) -> None:
        with own.connect() as connection:
            tries.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            cut(engine, tries[-1])
            connection.execute(text("SELECT 42"))

    with pytest.raises(DatabaseDown):
        asyncio.run(database.call(ask))
    assert len(tries) == 2


def test_readiness_asks_anew_while_others_are_spared_a_breath(database: Database):
    def ask(own: Engine) -> int:
        with own.connect() as connection:
            return int(connection.execute(text("SELECT 42")).scalar_one())

    def away(_own: Engine) -> int:
        raise DatabaseDown("away")

    async def ask_both() -> int:
        with pytest.raises(DatabaseDown):
            await database.call(away)
        with pytest.raises(DatabaseDown):
            await database.call(ask)
        return await database.call_now(ask)

    assert asyncio.run(ask_both()) == 42
