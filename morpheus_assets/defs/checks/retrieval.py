"""The standing checks of retrieval_quality/<space>: no worse than what answers, and at home in the stored languages."""

from collections.abc import Iterator, Sequence

import dagster as dg

from morpheus_assets.defs.assets.retrieval_quality import quality_key
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.domain.spaces import Space

CHECKS = {
    "finds_no_worse": "The space was not found worse, beyond doubt, than the one that answers searches now: a paired"
    " bootstrap over the same questions. A space that fails stays ready and does not answer by itself.",
    "knows_languages": "The model of the space knows the languages of all stored novels; in others it finds little by"
    " meaning.",
}


def build_retrieval_checks(spaces: Sequence[Space]) -> list[dg.AssetChecksDefinition]:
    """The checks of each text space, one op a space."""
    return [_build_checks(space) for space in spaces]


def _build_checks(space: Space) -> dg.AssetChecksDefinition:
    key = quality_key(space)

    @dg.multi_asset_check(
        name="check_" + "__".join(key.path).replace("-", "_"),
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in CHECKS.items()],
    )
    def checks(database: dg.ResourceParam[DatabaseResource]) -> Iterator[dg.AssetCheckResult]:
        from morpheus_assets.services.evaluation.gate import reason_against
        from morpheus_assets.services.known_languages import language_note
        from morpheus_assets.store.content.lookups import languages_of_novels
        from morpheus_assets.store.spaces.spaces import active_space, list_spaces

        engine = database.engine
        row = next((row for row in list_spaces(engine, "text") if row.key == space.key), None)
        worse = reason_against(engine, row, active_space(engine, "text")) if row is not None else None
        yield _result(key, "finds_no_worse", worse, "It answers searches, or was not found worse than what does.")
        languages = languages_of_novels(engine)
        foreign = language_note(space, languages.values())
        yield _result(key, "knows_languages", foreign, "The model knows the languages of all stored novels.")

    return checks


def _result(key: dg.AssetKey, name: str, fault: str | None, otherwise: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=fault is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=fault or otherwise,
    )
