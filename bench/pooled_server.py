"""A Postgres of the benchmarks behind a real PgBouncer in transaction mode; its connections live for three seconds."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets_tests.fixtures.pgbouncer import PgBouncer


@contextmanager
def pooled_server(folder: Path) -> Iterator[tuple[EmbeddedPostgres, PgBouncer, dict[str, str]]]:
    """The server over `folder / "pg"`, the pooler before it, and the settings that name them."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise SystemExit("There is no pgbouncer on this machine.")
    with EmbeddedPostgres(folder / "pg") as server:
        server.ensure_databases()
        place = folder / "pooler"
        place.mkdir()
        pooler = PgBouncer(program, place, server.url(), "transaction")
        pooler.start()
        try:
            addresses = {
                "MORPHEUS_DATABASE_URL": pooler.url(server.url()),
                "MORPHEUS_DIRECT_DATABASE_URL": server.url(),
            }
            yield server, pooler, addresses
        finally:
            pooler.stop()
