"""The panel chain up to what models see: panel_images, regions. Their embeddings, one asset a space, are elsewhere."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.assets.content_sources import PANEL_FILES
from morpheus_assets.defs.assets.metadata import PAGE_COLUMNS, REGION_COLUMNS, panel_sheet
from morpheus_assets.defs.assets.partitioned import LazyPartitions
from morpheus_assets.defs.assets.values import OF_IMAGES, OWNERS, CutNovelPages, NovelPanels
from morpheus_assets.defs.io_managers.events import recorded_by_io_manager
from morpheus_assets.defs.partitions import PANELS
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.images.page_version import CUT_VERSION

if TYPE_CHECKING:
    from morpheus_assets.services.page_cutting import CutPage


@dg.asset(
    deps=[PANEL_FILES],
    partitions_def=PANELS,
    group_name="panels",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags=OF_IMAGES,
    code_version="2",
    io_manager_key="panels_io_manager",
    metadata={"dagster/column_schema": PAGE_COLUMNS, "dagster/table_name": "pages"},
)
def panel_images(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.Output[LazyPartitions]:
    """The pages of each novel: one row a picture, stored or refused with one sentence.

    Read from `content/panels/<novel>/`: image files, and archives (cbz, cbr, cb7), PDFs and EPUBs as folders of pages,
    in reading order. Every picture is decoded once, upright and in RGB; one that cannot be is kept as a refused row
    and takes nothing else with it. A re-run replaces the rows that changed.
    """
    from morpheus_assets.services.page_listing import find_pages
    from morpheus_assets.store.content.panels import load_panels_of

    folder = content_folder.in_one_step()

    def look(novel: str) -> NovelPanels:
        found = find_pages(folder.page_reader(), folder.panels_of(novel))
        found.verify_absent(lambda: [row.path for row in load_panels_of(database.engine, [novel])[novel]])
        return NovelPanels(found.rows, found.digest, panel_sheet(found), found.books, found.notes)

    return recorded_by_io_manager(LazyPartitions(context.partition_keys, look))


@dg.asset(
    deps=[panel_images],
    partitions_def=PANELS,
    group_name="panels",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags=OF_IMAGES,
    code_version=CUT_VERSION,
    io_manager_key="regions_io_manager",
    metadata={"dagster/column_schema": REGION_COLUMNS, "dagster/table_name": "regions"},
)
def regions(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.Output[LazyPartitions]:
    """The regions of each page, which are what image models see: the page itself, its panels, pieces of strips, tiles.

    The author's boxes come first (ACBF, EPUB), then a person's (`content/panels/<novel>/regions.tsv`), then the
    cutter's, with thirds and quarters where it is doubtful. A re-run cuts the pages that are new, changed, corrected,
    or cut by another version; a region whose pixels are the same keeps its vectors.
    """
    from morpheus_assets.services.page_cutting import corrections_of, cut_pages
    from morpheus_assets.sources.names import page_name
    from morpheus_assets.store.content.panels import load_panels

    folder = content_folder.in_one_step()

    def look(novel: str) -> CutNovelPages:
        pages = load_panels(database.engine, novel, state="stored")
        corrections = corrections_of(folder.panels, folder.panels_of(novel))
        problems = (*corrections.problems, *corrections.unknown({page_name(page.path, page.entry) for page in pages}))
        return CutNovelPages(len(pages), problems, _cut(folder, pages, corrections.boxes))

    def _cut(folder: ContentFolderResource, pages: Sequence[PanelRecord], corrected: object) -> "Iterator[CutPage]":
        reader = folder.page_reader()
        try:
            for found in cut_pages(reader, pages, corrected):  # type: ignore[arg-type]
                if found.problem:
                    context.log.warning(found.problem)
                yield found
        finally:
            reader.close()

    return recorded_by_io_manager(LazyPartitions(context.partition_keys, look))
