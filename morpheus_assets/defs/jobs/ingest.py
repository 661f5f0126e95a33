"""The two jobs that bring content in; sensors launch them, and so may a person."""

import dagster as dg

from morpheus_assets.defs.partitions import NOVELS, PANELS, partition_set
from morpheus_assets.services.backfills import PARTITION_SET_TAG

TEXT_GROUP = "text"
PANELS_GROUP = "panels"

INGEST_NOVELS = dg.define_asset_job(
    "ingest_novels",
    selection=dg.AssetSelection.groups(TEXT_GROUP),
    description="From a novel's file to its vectors in every text space.",
    tags={"morpheus/kind": "ingest", "morpheus/purpose": "text", PARTITION_SET_TAG: partition_set(NOVELS)},
)

INGEST_PANELS = dg.define_asset_job(
    "ingest_panels",
    selection=dg.AssetSelection.groups(PANELS_GROUP),
    description="From a novel's panel images to their vectors in every image space.",
    tags={"morpheus/kind": "ingest", "morpheus/purpose": "image", PARTITION_SET_TAG: partition_set(PANELS)},
)
