"""What the processes of runs need, imported once in the process that they are forked from; see run_processes.py.

Nothing that starts threads: they would be missing in a forked process. So no model library.
"""

# ruff: noqa: F401
import gc
import importlib.util
import platform
import sys
from contextlib import suppress

import dagster._cli
import dagster._grpc.impl
import dagster_postgres
import numpy
import orjson
import psycopg
import semantic_text_splitter
import sqlalchemy
import stamina
from PIL import Image

import morpheus_assets.defs.compute_logs
import morpheus_assets.defs.io_managers.content
import morpheus_assets.defs.io_managers.embeddings
import morpheus_assets.defs.run_launcher
import morpheus_assets.defs.storage
import morpheus_assets.embedding.packs
import morpheus_assets.embedding.providers.responses
import morpheus_assets.embedding.stream
import morpheus_assets.images.charts
import morpheus_assets.images.previews
import morpheus_assets.services.connections
import morpheus_assets.services.embed_novels
import morpheus_assets.services.model_change
import morpheus_assets.store.accounts.endpoint_limits
import morpheus_assets.store.accounts.jobs
import morpheus_assets.store.accounts.rate_limits
import morpheus_assets.store.accounts.spending
import morpheus_assets.store.content.chunks
import morpheus_assets.store.content.faults
import morpheus_assets.store.content.novels
import morpheus_assets.store.database.server_checks
import morpheus_assets.store.spaces.claims
import morpheus_assets.store.spaces.coverage
import morpheus_assets.store.spaces.health
import morpheus_assets.store.spaces.overview
import morpheus_assets.store.spaces.vectors
import morpheus_assets.text.chapters.contents_count
import morpheus_assets.text.chunking.chunks
import morpheus_assets.text.novel_files
import morpheus_assets.text.readers.html
import morpheus_assets.text.readers.markdown
import morpheus_assets.text.readers.plain
from morpheus_assets.defs.run_processes import DEFINITIONS
from morpheus_assets.embedding.providers.certificates import certificates
from morpheus_assets.embedding.providers.registry import provider_of
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.settings import load_settings
from morpheus_assets.text.chapters.vocabulary import vocabulary
from morpheus_assets.text.chunking.tokens import tokenizer
from morpheus_assets.text.errors import TokenizerMissing

# by the HTTP clients of the providers, some seventy modules
LOADED_BY_FIRST_REQUESTS = ("anyio", "anyio._backends._asyncio", "httpcore", "httpcore2", "httpx2")

for space in configured_text_spaces(load_settings()):
    if sdk := provider_of(space).sdk:
        importlib.import_module(sdk)
for name in LOADED_BY_FIRST_REQUESTS:
    if importlib.util.find_spec(name):
        importlib.import_module(name)
for name in ("httpx", "httpx2"):
    if name in sys.modules:
        certificates(name)
# what the first text read in a process needs, and the first picture
vocabulary()
with suppress(TokenizerMissing):
    tokenizer()
Image.preinit()
# an SDK names the machine in its first request, and this asks a program for it
platform.platform()
# what a run asks first, and is kept in the definitions, which were imported before this
sys.modules[DEFINITIONS].defs.get_repository_def()
# pages that nobody collects are shared by all runs
gc.collect()
gc.freeze()
# a run ends with its process, and looking for cycles after each 700 objects took a hundredth of an ingest
gc.set_threshold(50_000, 10, 10)
