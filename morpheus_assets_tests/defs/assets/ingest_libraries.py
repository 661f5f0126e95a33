"""What an ingest loads before it ends, for the process that ingests are forked from: half of its time went into it.

Not the definitions, which read the settings, and those are of each ingest.
"""

import importlib

from morpheus_assets.text.language_detection import language_of

LIBRARIES = [
    "alembic.command",
    "anyio._backends._asyncio",
    "dagster._core.execution.execute_in_process",
    "dagster._core.instance.factory",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.sqlite_storage",
    "dagster._daemon.controller",
    "fsspec.implementations.local",
    "numpy",
    "openai.resources.embeddings",
    "pandas",
    "pgvector.psycopg",
    "PIL.Image",
    "semantic_text_splitter",
    "sqlalchemy.dialects.postgresql.psycopg",
    "tokenizers",
    "morpheus_assets.defs.assets.embeddings",
    "morpheus_assets.defs.assets.panels",
    "morpheus_assets.defs.assets.text",
    "morpheus_assets.defs.checks.content",
    "morpheus_assets.defs.checks.embeddings",
    "morpheus_assets.defs.checks.rows",
    "morpheus_assets.defs.ingest_here",
    "morpheus_assets.defs.io_managers.content",
    "morpheus_assets.defs.io_managers.embeddings",
    "morpheus_assets.defs.schedules",
    "morpheus_assets.defs.sensors.new_content",
    "morpheus_assets.images.charts",
    "morpheus_assets.images.previews",
    "morpheus_assets.text.chapters.find",
    "morpheus_assets.text.chunking.chunks",
    "morpheus_assets.text.readers.plain",
]

for _name in LIBRARIES:
    importlib.import_module(_name)
# loads the model that tells languages apart
language_of("un deux trois quatre cinq six sept huit neuf dix onze douze")
