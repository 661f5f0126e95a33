"""The panel chain up to decoded rows: panel_images. CLIP embeddings, one asset a space, are in embeddings.py."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from morpheus_assets.assets.partition_results import PartitionResults
from morpheus_assets.assets.schemas import PANEL_COLUMNS
from morpheus_assets.assets.text import NOVELS_PER_RUN, OWNERS
from morpheus_assets.automation.ingest_plan import panels_digest
from morpheus_assets.images.discovery import PanelFile
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.partitions import NOVELS
from morpheus_assets.resources import ContentFolderResource
from morpheus_assets.store.records import PanelRecord

DECODING_THREADS = 2


@dataclass(frozen=True)
class FoundPanels:
    """The panels of one novel: rows in reading order, the digest of all their files, and where they lie."""

    rows: list[PanelRecord]
    digest: str
    folder: Path

    def first_pictures(self) -> list[tuple[str, bytes]]:
        """(label, bytes) of the first stored panels."""
        from morpheus_assets.images.previews import MAX_TILES

        stored = [row for row in self.rows if row.state == "stored"]
        return [(Path(row.path).name, (self.folder / row.path).read_bytes()) for row in stored[:MAX_TILES]]


@dg.asset(
    partitions_def=NOVELS,
    group_name="panels",
    kinds={"python", "postgres"},
    owners=OWNERS,
    code_version="1",
    backfill_policy=NOVELS_PER_RUN,
    io_manager_key="panels_io_manager",
    metadata={"dagster/column_schema": PANEL_COLUMNS, "dagster/table_name": "panels"},
)
def panel_images(
    context: dg.AssetExecutionContext, content_folder: dg.ResourceParam[ContentFolderResource]
) -> PartitionResults:
    """The panels of each novel: one row an image file, stored or refused with one sentence.

    Read from `content/panels/<novel>/`, in natural order. Every image is decoded once, upright and in RGB; one that
    cannot be is kept as a refused row and takes nothing else with it. A re-run replaces the rows that changed.
    """
    return PartitionResults(context.partition_keys, lambda novel: find_panels(content_folder, novel))


def find_panels(content_folder: ContentFolderResource, novel: str) -> FoundPanels:
    """Look at every image of one novel; raises SourceMissing when it has no folder."""
    folder, files = content_folder.panels_of(novel)
    with ThreadPoolExecutor(DECODING_THREADS) as threads:
        rows = list(threads.map(lambda file: _row(folder, file, content_folder.settings.max_image_pixels), files))
    digest = panels_digest((row.path, row.content_hash.hex()) for row in rows if row.content_hash)
    return FoundPanels(rows, digest, content_folder.settings.panels_folder)


def _row(folder: str, file: PanelFile, max_pixels: int) -> PanelRecord:
    from morpheus_assets.images.decoding import decode_panel

    path = f"{folder}/{file.relative_path}"
    try:
        data = file.path.read_bytes()
    except OSError as error:
        reason = f"{file.relative_path} cannot be read ({error.strerror}): check its permissions."
        return PanelRecord(path, "refused", file.size, reason=reason)
    content_hash = hashlib.sha256(data).digest()
    try:
        panel = decode_panel(data, file.relative_path, max_pixels=max_pixels)
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
