"""The one place to import content from: novels, chapters, chunks, panels, source files, tombstones.

No code of its own. Every function takes an SQLAlchemy Engine (its own transaction) or Connection (the running one).
"""

from morpheus_assets.store.chunks import (
    chapters_source,
    iter_chunks,
    iter_chunks_of,
    load_chapters,
    load_chapters_of,
    replace_chapters,
    replace_chunks,
)
from morpheus_assets.store.novels import (
    IngestedDigests,
    ingested_digests,
    iter_novels,
    list_novels,
    load_novel,
    refuse_novel,
    refused_texts,
    remove_novel,
    upsert_novel,
)
from morpheus_assets.store.panels import load_panels, load_panels_of, refused_pictures, replace_panels
from morpheus_assets.store.records import (
    ChapterRecord,
    ChunkRecord,
    NovelRecord,
    NovelSummary,
    PanelRecord,
    ReplaceCounts,
    SourceFile,
    Tombstone,
)
from morpheus_assets.store.source_files import (
    changed_panel_sets,
    forget_source_files,
    load_source_files,
    note_missing,
    note_returned,
    path_bounds,
    save_source_files,
    source_files_between,
    tombstones,
)

__all__ = [
    "ChapterRecord",
    "ChunkRecord",
    "IngestedDigests",
    "NovelRecord",
    "NovelSummary",
    "PanelRecord",
    "ReplaceCounts",
    "SourceFile",
    "Tombstone",
    "changed_panel_sets",
    "chapters_source",
    "forget_source_files",
    "ingested_digests",
    "iter_chunks",
    "iter_chunks_of",
    "iter_novels",
    "list_novels",
    "load_chapters",
    "load_chapters_of",
    "load_novel",
    "load_panels",
    "load_panels_of",
    "load_source_files",
    "note_missing",
    "note_returned",
    "path_bounds",
    "refuse_novel",
    "refused_pictures",
    "refused_texts",
    "remove_novel",
    "replace_chapters",
    "replace_chunks",
    "replace_panels",
    "save_source_files",
    "source_files_between",
    "tombstones",
    "upsert_novel",
]
