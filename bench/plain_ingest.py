"""The limit that a backfill is measured against: the same functions, called plainly in one process, without Dagster.

    python -m bench.plain_ingest DATABASE_URL FOLDER NOVEL…

Reads each novel's file, finds its chapters, cuts and stores its chunks, then embeds what lacks a vector and stores it.
Prints the seconds from the first file to the last vector, imports not counted, and the seconds of CPU of this process.
"""

import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from sqlalchemy import Engine

from morpheus_assets.embedding.packs import EmbeddedBatch, EmbeddingInput
from morpheus_assets.embedding.stream import embed_batches
from morpheus_assets.services.configured_spaces import configured_text_spaces, open_provider, request_budget
from morpheus_assets.settings import Settings, load_settings
from morpheus_assets.store.content.chapters import replace_chapters
from morpheus_assets.store.content.chunks import replace_chunks
from morpheus_assets.store.content.novels import novel_record, upsert_novel
from morpheus_assets.store.database.engine import open_engine
from morpheus_assets.store.database.migrations import migrate
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.text.chapters.find import find_chapters
from morpheus_assets.text.chunking.chunks import ChunkerSettings, cut_chapters
from morpheus_assets.text.novel_files import read_novel_file


def store_text(engine: Engine, path: Path, novel: str, chunker: ChunkerSettings) -> None:
    """One novel from file to chunks."""
    document, digest = read_novel_file(path)
    record = novel_record(novel, document, path.name, digest)
    upsert_novel(engine, record)
    chapters = find_chapters(document)
    replace_chapters(engine, novel, chapters, source_digest=digest)
    cut = cut_chapters(document.text, chapters, chunker)
    made = {"chunker": chunker.version(), "source_digest": digest, "body_digest": record.body_digest}
    replace_chunks(engine, novel, cut, **made)


def embed(engine: Engine, settings: Settings, novels: Sequence[str]) -> int:
    """Embed and store what some novels lack in the first text space; returns how many vectors that were."""
    space = configured_text_spaces(settings)[0]
    row = spaces.register_space(engine, space)
    stored = 0
    with open_claims(engine, row, novels) as claims:
        for outcome in embed_batches(
            open_provider(settings, space),
            (EmbeddingInput(each.content_hash, each.content) for each in claims.missing()),
            budget=request_budget(settings, space, engine),
            concurrency=settings.requests_in_flight,
            max_inputs=settings.inputs_per_request,
        ):
            if isinstance(outcome, EmbeddedBatch):
                stored += vectors.write_batch(engine, row, outcome.hashes, outcome.embeddings)
    return stored


def main() -> None:
    url, folder, *novels = sys.argv[1:]
    settings = load_settings()
    engine = open_engine(url)
    migrate(engine)
    chunker = ChunkerSettings(settings.chunk_tokens, settings.chunk_overlap_tokens)
    for name in ("openai", "semantic_text_splitter"):
        import_module(name)
    started, worked = time.perf_counter(), time.process_time()
    for novel in novels:
        store_text(engine, Path(folder) / f"{novel}.txt", novel, chunker)
    embed(engine, settings, novels)
    print(f"{time.perf_counter() - started:.3f} {time.process_time() - worked:.3f}")


if __name__ == "__main__":
    main()
