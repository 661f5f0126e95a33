"""Settings that administrators give to users and databases: what is stored and found does not depend on them."""

from morpheus_assets.store.database.transactions import pipelined, transaction
from morpheus_assets.store.search.hits import search_text
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.vectors import read_vectors
from morpheus_assets_tests.defs.assets.test_crash_points import ROWS
from morpheus_assets_tests.fixtures.deployment import Deployment, story

SETTINGS = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "timezone": "Asia/Kathmandu",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "0",
    "default_text_search_config": "german",
    "statement_timeout": "20s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "work_mem": "64kB",
    "maintenance_work_mem": "1MB",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "row_security": "off",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "xmloption": "document",
    "client_min_messages": "debug1",
    "commit_delay": "1000",
    "synchronous_commit": "off",
    "jit": "on",
    "jit_above_cost": "0",
    "default_toast_compression": "pglz",
    "transform_null_equals": "on",
    "array_nulls": "on",
    "search_path": "studio, public",
}


def stored(deployment: Deployment) -> dict[str, list[tuple]]:
    return {name: deployment.rows(query) for name, query in ROWS.items()}


def found(deployment: Deployment) -> list[tuple]:
    active = spaces.active_space(deployment.engine, "text")
    assert active is not None
    [(first,)] = deployment.rows("SELECT content_hash FROM chunks ORDER BY chapter, ordinal LIMIT 1")
    vector = read_vectors(deployment.engine, active, [bytes(first)])[bytes(first)]
    hits = search_text(deployment.engine, vector, "lantern harbour", k=5)
    return [(hit.novel, hit.chapter, hit.char_start, round(hit.similarity or 0, 3)) for hit in hits]


def say(deployment: Deployment, *statements: str) -> None:
    with deployment.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    deployment.engine.dispose()


def test_what_is_stored_and_found_is_the_same_whatever_a_database_has_set(deployment: Deployment):
    deployment.drop("anna.txt", story(chapters=4))
    assert deployment.ingest("anna").success
    plain, hits = stored(deployment), found(deployment)
    name = deployment.engine.url.database
    as_lists = {"search_path", "datestyle"}
    changes = [f"{name} = {value if name in as_lists else repr(value)}" for name, value in SETTINGS.items()]
    say(deployment, "CREATE SCHEMA studio", *(f'ALTER DATABASE "{name}" SET {change}' for change in changes))
    assert found(deployment) == hits

    say(deployment, "DELETE FROM novels", "TRUNCATE embeddings_1, passages CASCADE")
    assert deployment.ingest("anna").success
    assert found(deployment) == hits
    say(deployment, f'ALTER DATABASE "{name}" RESET ALL')
    assert stored(deployment) == plain


def test_work_is_read_committed_whatever_a_database_has_set(deployment: Deployment):
    """Who waits for a lock reads afterwards what its holder has written; else it fails, or writes over it."""
    say(
        deployment,
        f'ALTER DATABASE "{deployment.engine.url.database}" SET default_transaction_isolation = serializable',
    )
    with transaction(deployment.engine) as connection:
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
    with pipelined(deployment.engine) as connection:
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
