"""The job `measure_retrieval`: materializes retrieval_quality of every configured text space."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from morpheus_assets.defs.assets.retrieval_quality import quality_key
from morpheus_assets.domain.spaces import Space

NAME = "measure_retrieval"


def build_measure_job(spaces: Sequence[Space]) -> UnresolvedAssetJobDefinition:
    """The job over the assets of some text spaces, with their checks."""
    return dg.define_asset_job(
        NAME,
        selection=dg.AssetSelection.assets(*(quality_key(space) for space in spaces)),
        description="Asks every configured text space the questions of content/questions and those made of stored"
        " passages. new_questions_sensor asks for it; `morpheus evaluate` prints the same at once.",
        tags={"morpheus/kind": "evaluation"},
    )
