"""A throwaway deployment for the benchmarks: embedded Postgres, content folder and settings in a temporary folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from morpheus_assets.definitions import build_definitions
from morpheus_assets.settings import PROJECT_FOLDER, Settings
from morpheus_assets.store.database.embedded import EmbeddedPostgres
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.migrations import migrate

SHARED_NOVELS = PROJECT_FOLDER.parent / "shared" / "data" / "novels"


@contextmanager
def throwaway(**values: object) -> Iterator[Settings]:
    """Settings over an empty, migrated database; everything is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mpb"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "pg")
    try:
        server.start()
        server.ensure_databases()
        url = server.url()
        engine = open_engine(url)
        migrate(engine)
        engine.dispose()
        for name in ("novels", "panels"):
            (folder / "content" / name).mkdir(parents=True)
        given = {"content": folder / "content", "data_folder": folder / "data", "database_url": url, "samples": False}
        yield Settings(_env_file=None, **{**given, "image_spaces": "open_clip/demo", **values})
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def ingest(settings: Settings, *novels: str) -> list[dg.ExecuteInProcessResult]:
    """Run `ingest_novels` for each novel in this process; raises when one fails."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    definitions = build_definitions(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("novels", list(novels))
        job = definitions.resolve_job_def("ingest_novels")
        return [job.execute_in_process(instance=instance, partition_key=novel) for novel in novels]
