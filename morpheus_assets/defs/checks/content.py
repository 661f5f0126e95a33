"""Standing checks: quiet failures, made visible on the asset that they concern. They read and change nothing."""

from collections.abc import Sequence

import dagster as dg

from morpheus_assets.defs.assets.panels import panel_images
from morpheus_assets.defs.assets.text import novels
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.sources.base import ContentUnreadable

SHOWN = 50


@dg.asset_check(asset=novels, name="every_file_was_read")
def every_file_was_read(
    database: dg.ResourceParam[DatabaseResource], content_folder: dg.ResourceParam[ContentFolderResource]
) -> dg.AssetCheckResult:
    """Warns of novels whose file was refused, and of names in the folder that no novel can be made of."""
    from morpheus_assets.store.content.novels import refused_texts

    refused = refused_texts(database.engine)
    try:
        refused += content_folder.novel_problems().values()
    except ContentUnreadable as error:
        refused.append(str(error))
    return _result(refused, "every file in the novels folder was read")


@dg.asset_check(asset=novels, name="no_file_is_gone")
def no_novel_is_gone(database: dg.ResourceParam[DatabaseResource]) -> dg.AssetCheckResult:
    """Warns of novels whose file was removed: what is stored stays until `morpheus remove NOVEL`."""
    return _tombstones(database, "text")


@dg.asset_check(asset=panel_images, name="every_image_was_decoded")
def every_image_was_decoded(
    database: dg.ResourceParam[DatabaseResource], content_folder: dg.ResourceParam[ContentFolderResource]
) -> dg.AssetCheckResult:
    """Warns of panels that were refused, with the sentence of each."""
    from morpheus_assets.store.content.panels import refused_panels

    refused = refused_panels(database.engine)
    try:
        refused += content_folder.panel_problems().values()
    except ContentUnreadable as error:
        refused.append(str(error))
    return _result(refused, "every image was decoded")


@dg.asset_check(asset=panel_images, name="no_file_is_gone")
def no_panel_is_gone(database: dg.ResourceParam[DatabaseResource]) -> dg.AssetCheckResult:
    """Warns of panels whose file was removed from a novel's folder."""
    return _tombstones(database, "panel")


CONTENT_CHECKS = [every_file_was_read, no_novel_is_gone, every_image_was_decoded, no_panel_is_gone]


def _tombstones(database: DatabaseResource, kind: str) -> dg.AssetCheckResult:
    from morpheus_assets.store.content.source_files import tombstones

    gone = [
        f"{stone.path} of {stone.novel} is gone since {stone.noticed_at:%Y-%m-%d %H:%M}; put it back or run"
        f" `morpheus remove {stone.novel}`."
        for stone in tombstones(database.engine, still_stored=True)
        if stone.kind == kind
    ]
    return _result(gone, "every file that was read is still there")


def _result(faults: Sequence[str], well: str) -> dg.AssetCheckResult:
    listed = "\n".join(f"- {fault}" for fault in faults[:SHOWN])
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(faults)} to look at" if faults else well,
        metadata={"count": len(faults), "list": dg.MetadataValue.md(listed or "nothing")},
    )
