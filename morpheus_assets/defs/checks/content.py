"""Standing checks: quiet failures, made visible on the asset that they concern. They read and change nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.assets.panels import panel_images
from morpheus_assets.defs.assets.text import novels
from morpheus_assets.defs.checks.fault_lists import fault_list, summary
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.sources.base import ContentUnreadable

if TYPE_CHECKING:
    from morpheus_assets.store.content.faults import ContentFaults

READ, DECODED, THERE = "every_file_was_read", "every_image_was_decoded", "no_file_is_gone"


@dg.multi_asset_check(
    name="check_novels",
    specs=[
        dg.AssetCheckSpec(
            READ,
            asset=novels,
            description="Warns of novels whose file was refused, and of names in the folder that make no novel.",
        ),
        dg.AssetCheckSpec(
            THERE,
            asset=novels,
            description="Warns of novels whose file was removed: what is stored stays until `morpheus remove NOVEL`.",
        ),
    ],
    can_subset=True,
)
def check_novels(
    context: dg.AssetCheckExecutionContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> Iterator[dg.AssetCheckResult]:
    """Both in one look at the database."""
    from morpheus_assets.store.content.faults import faults_of_novels

    faults = faults_of_novels(database.engine)
    yield from _results(
        context, READ, "novels", faults, content_folder.novel_problems, "every file in the novels folder was read"
    )


@dg.multi_asset_check(
    name="check_panels",
    specs=[
        dg.AssetCheckSpec(
            DECODED, asset=panel_images, description="Warns of panels that were refused, with the sentence of each."
        ),
        dg.AssetCheckSpec(
            THERE, asset=panel_images, description="Warns of panels whose file was removed from a novel's folder."
        ),
    ],
    can_subset=True,
)
def check_panels(
    context: dg.AssetCheckExecutionContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> Iterator[dg.AssetCheckResult]:
    """Both in one look at the database."""
    from morpheus_assets.store.content.faults import faults_of_panels

    faults = faults_of_panels(database.engine)
    yield from _results(
        context, DECODED, "panel_images", faults, content_folder.panel_problems, "every image was decoded"
    )


CONTENT_CHECKS = [check_novels, check_panels]


def _results(
    context: dg.AssetCheckExecutionContext,
    first: str,
    asset: str,
    faults: "ContentFaults",
    problems: Callable[[], Mapping[str, str]],
    well: str,
) -> Iterator[dg.AssetCheckResult]:
    key = dg.AssetKey(asset)
    wanted = {each.name for each in context.selected_asset_check_keys}
    if first in wanted:
        refused = list(faults.refused)
        try:
            refused += problems().values()
        except ContentUnreadable as error:
            refused.append(str(error))
        yield _result(key, first, refused, well)
    if THERE in wanted:
        gone = [
            f"{stone.path} of {stone.novel} is gone since {stone.noticed_at:%Y-%m-%d %H:%M}; put it back or run"
            f" `morpheus remove {stone.novel}`."
            for stone in faults.gone
        ]
        yield _result(key, THERE, gone, "every file that was read is still there")


def _result(key: dg.AssetKey, name: str, faults: Sequence[str], well: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN,
        description=summary(faults, well),
        metadata=fault_list(faults),
    )
