"""The panel chain up to decoded rows: panel_images. CLIP embeddings, one asset a space, are in embeddings.py."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

import dagster as dg

from morpheus_assets.defs.assets.metadata import PANEL_COLUMNS, panel_sheet
from morpheus_assets.defs.assets.partitioned import LazyPartitions
from morpheus_assets.defs.assets.values import OWNERS, FoundPanels, NovelPanels
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import PANELS
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.services.ingest_plan import panels_digest
from morpheus_assets.sources.base import Entry, FileUnreadable, Source
from morpheus_assets.sources.names import MAX_PANEL_BYTES

DECODING_THREADS = 2


@dg.asset(
    partitions_def=PANELS,
    group_name="panels",
    kinds={"python", "postgres"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="panels_io_manager",
    metadata={"dagster/column_schema": PANEL_COLUMNS, "dagster/table_name": "panels"},
)
def panel_images(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.Output[LazyPartitions]:
    """The panels of each novel: one row an image file, stored or refused with one sentence.

    Read from `content/panels/<novel>/`, in natural order. Every image is decoded once, upright and in RGB; one that
    cannot be is kept as a refused row and takes nothing else with it. A re-run replaces the rows that changed.
    """
    from morpheus_assets.store.content.panels import load_panels_of

    folder = content_folder.in_one_step()

    def look(novel: str) -> NovelPanels:
        found = find_panels(folder, novel)
        found.verify_absent(lambda: [row.path for row in load_panels_of(database.engine, [novel])[novel]])
        return NovelPanels(found.rows, found.digest, panel_sheet(found))

    return recorded_by_io_manager(LazyPartitions(context.partition_keys, look))


def find_panels(content_folder: ContentFolderResource, novel: str) -> FoundPanels:
    """Look at every image of one novel; raises SourceMissing when it has no folder."""
    source, files = content_folder.panels, content_folder.panels_of(novel)
    decoding = BoundedSemaphore(DECODING_THREADS)
    limit = content_folder.settings.max_image_pixels
    # A bucket is asked for more than are decoded at a time: its answers take longer than the pictures.
    with ThreadPoolExecutor(max(source.concurrent_reads, DECODING_THREADS)) as threads:
        try:
            found = list(threads.map(lambda file: _row(source, file, limit, decoding), files))
        finally:
            threads.shutdown(cancel_futures=True)
    pairs = [(row, file) for row, file in zip(found, files, strict=True) if row is not None]
    digest = panels_digest((row.path, file.mark or row.content_hash.hex()) for row, file in pairs if row.content_hash)
    return FoundPanels([row for row, _ in pairs], digest, source)


def _row(source: Source, file: Entry, max_pixels: int, decoding: BoundedSemaphore) -> PanelRecord | None:
    """A panel's row; None when its file vanished since it was listed."""
    from morpheus_assets.images.decoding import decode_panel

    path, name = file.path, file.path.partition("/")[2]
    try:
        data = source.read(path, MAX_PANEL_BYTES)
    except FileUnreadable as error:
        return PanelRecord(path, "refused", file.size, reason=str(error))
    if data is None:
        return None
    content_hash = hashlib.sha256(data).digest()
    try:
        with decoding:
            panel = decode_panel(data, name, max_pixels=max_pixels)
    except RefusedImage as error:
        return PanelRecord(path, "refused", file.size, reason=str(error), content_hash=content_hash)
    return PanelRecord(
        path,
        "stored",
        file.size,
        content_hash=content_hash,
        format=panel.format,
        mode=panel.mode,
        width=panel.width,
        height=panel.height,
        treatments=panel.treatments,
    )
