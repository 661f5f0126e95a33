from sqlalchemy import Engine, text

from morpheus_assets.store.database.statistics import rows_of
from morpheus_assets.store.database.transactions import reading


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def estimated_rows(engine: Engine, table: str) -> int:
    with reading(engine) as connection:
        return rows_of(connection, table)


def test_a_table_that_was_never_analyzed_is_counted(engine) -> None:
    run(
        engine,
        "CREATE TABLE many AS SELECT generate_series(1, 30000) AS n",
        "ALTER TABLE many SET (autovacuum_enabled = off)",
    )
    assert estimated_rows(engine, "many") == 30_000


def test_a_large_table_is_estimated_and_the_estimate_grows_with_it_before_the_next_analyze(engine) -> None:
    run(
        engine,
        "CREATE TABLE many (n integer, filler text) WITH (autovacuum_enabled = off)",
        "INSERT INTO many SELECT n, repeat('x', 200) FROM generate_series(1, 25000) n",
        "ANALYZE many",
        "INSERT INTO many SELECT n, repeat('x', 200) FROM generate_series(1, 25000) n",
    )
    assert 45_000 < estimated_rows(engine, "many") < 55_000


def test_a_small_table_is_exact_whatever_the_statistics_say(engine) -> None:
    run(
        engine,
        "CREATE TABLE few (n integer) WITH (autovacuum_enabled = off)",
        "INSERT INTO few SELECT generate_series(1, 500)",
        "ANALYZE few",
        "DELETE FROM few WHERE n > 9",
    )
    assert estimated_rows(engine, "few") == 9
