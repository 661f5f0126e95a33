from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.database.statistics import stale_tables
from morpheus_assets.store.database.transactions import reading
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.indexes import refresh_space


def refresh(engine: Engine, space: SpaceRow) -> set[str]:
    """See to a space after rows came; the tables that were due."""
    with reading(engine) as connection:
        due = {name for (name,) in connection.execute(*stale_tables(space))}
    refresh_space(engine, space)
    return due


def analyzed(engine, table: str) -> bool:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT reltuples FROM pg_class WHERE relname = '{table}'").scalar_one() >= 0


def test_the_planner_knows_of_a_first_novel_at_once(engine, make_space, add_novel) -> None:
    space = spaces.register_space(engine, make_space())
    add_novel("first", [f"passage number {number}" for number in range(300)])

    assert not analyzed(engine, "chunks")
    assert refresh(engine, space) >= {"chunks", "novels"}
    assert analyzed(engine, "chunks")


def test_tables_that_hardly_grew_are_left_to_autovacuum(engine, make_space, add_novel) -> None:
    space = spaces.register_space(engine, make_space())
    add_novel("first", [f"passage number {number}" for number in range(3000)])
    refresh(engine, space)
    add_novel("second", ["one more passage"])

    assert "chunks" not in refresh(engine, space)

    add_novel("third", [f"another passage {number}" for number in range(4000)])
    assert "chunks" in refresh(engine, space)


def test_a_table_that_is_being_indexed_is_not_waited_for(engine, make_space, add_novel) -> None:
    space = spaces.register_space(engine, make_space())
    add_novel("first", [f"passage number {number}" for number in range(300)])

    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE chunks IN SHARE MODE")
        refresh(engine, space)
    assert not analyzed(engine, "chunks")
    assert analyzed(engine, "novels")


def test_a_small_novel_has_its_words_sorted_into_the_index_of_a_large_library(engine) -> None:
    with engine.connect() as connection:
        options = dict(
            connection.exec_driver_sql(
                "SELECT option_name, option_value::float8 FROM pg_class, pg_options_to_table(reloptions)"
                " WHERE oid = 'passages'::regclass"
            ).all()
        )
    inserted_rows_before_a_vacuum = (
        options["autovacuum_vacuum_insert_threshold"] + options["autovacuum_vacuum_insert_scale_factor"] * 100_000
    )
    assert inserted_rows_before_a_vacuum <= 300
