"""The standing check of retrieval_quality/<space>: the space does not find worse than the one that answers."""

from collections.abc import Sequence

import dagster as dg

from morpheus_assets.defs.assets.retrieval_quality import quality_key
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.spaces import Space

NAME = "finds_no_worse"


def build_retrieval_checks(spaces: Sequence[Space]) -> list[dg.AssetChecksDefinition]:
    """The check of each text space."""
    return [_build_check(space) for space in spaces]


def _build_check(space: Space) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=quality_key(space),
        name=NAME,
        description="The space was not found worse, beyond doubt, than the one that answers searches now: a paired"
        " bootstrap over the same questions. A space that fails stays ready and does not answer by itself.",
    )
    def finds_no_worse(database: dg.ResourceParam[DatabaseResource]) -> dg.AssetCheckResult:
        from morpheus_assets.services.evaluation.gate import reason_against
        from morpheus_assets.store.spaces.spaces import active_space, list_spaces

        engine = database.engine
        row = next((row for row in list_spaces(engine, "text") if row.key == space.key), None)
        reason = reason_against(engine, row, active_space(engine, "text")) if row is not None else None
        return dg.AssetCheckResult(
            passed=reason is None,
            severity=dg.AssetCheckSeverity.WARN,
            description=reason or "It answers searches, or nothing says that it finds worse than what does.",
        )

    return finds_no_worse
