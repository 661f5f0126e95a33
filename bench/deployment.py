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
from morpheus_assets.store.database.engine import disposing, open_engine
from morpheus_assets.store.database.migrations import migrate

SHARED_NOVELS = PROJECT_FOLDER.parent / "shared" / "data" / "novels"


@contextmanager
def migrated_server(folder: Path, settings: dict[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """A Postgres of its own over `folder`, with the schema; it is stopped afterwards."""
    with EmbeddedPostgres(folder, settings=settings) as server:
        server.ensure_databases()
        with disposing(open_engine(server.url())) as engine:
            migrate(engine)
        yield server


@contextmanager
def throwaway(**values: object) -> Iterator[Settings]:
    """Settings over an empty, migrated database; everything is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mpb"))
    folder.chmod(0o711)
    try:
        with migrated_server(folder / "pg") as server:
            yield settings_in(folder, server, **values)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings_in(folder: Path, server: EmbeddedPostgres, **values: object) -> Settings:
    """Settings over a server, with the content in `folder`, whose folders are made."""
    for name in ("novels", "panels"):
        (folder / "content" / name).mkdir(parents=True, exist_ok=True)
    given = {
        "content": folder / "content", "data_folder": folder / "data", "database_url": server.url(), "samples": False,
    }  # fmt: skip
    return Settings(_env_file=None, **{**given, "image_spaces": "open_clip/demo", **values})


def ingest(settings: Settings, *novels: str) -> list[dg.ExecuteInProcessResult]:
    """Run `ingest_novels` for each novel in this process; raises when one fails."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    definitions = build_definitions(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("novels", list(novels))
        job = definitions.resolve_job_def("ingest_novels")
        return [job.execute_in_process(instance=instance, partition_key=novel) for novel in novels]
