"""The two jobs that bring content in; sensors launch them, and so may a person."""

import dagster as dg

TEXT_GROUP = "text"
PANELS_GROUP = "panels"

INGEST_NOVELS = dg.define_asset_job(
    "ingest_novels",
    selection=dg.AssetSelection.groups(TEXT_GROUP),
    description="From a novel's file to its vectors in every text space.",
    tags={"morpheus/kind": "ingest"},
)

INGEST_PANELS = dg.define_asset_job(
    "ingest_panels",
    selection=dg.AssetSelection.groups(PANELS_GROUP),
    description="From a novel's panel images to their vectors in every image space.",
    tags={"morpheus/kind": "ingest"},
)
