"""The standing checks of each space's asset: whole, well-formed, found by its index, and still what the model gives.

They run with every run of the asset while that is cheap. Those that read a whole space are left to the nightly job once
it is large, else each novel would cost more than the one before; drift, which costs requests, is measured weekly there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

from morpheus_assets.defs.assets.embeddings import embeddings_key, panel_embedder, text_embedder
from morpheus_assets.defs.checks.fault_lists import fault_list
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource, ProvidersResource
from morpheus_assets.domain.spaces import LOWEST_COSINE, LOWEST_RECALL, Space
from morpheus_assets.services.backfills import novels_of_runs
from morpheus_assets.services.configured_spaces import PARTITION_SETS, only_novels
from morpheus_assets.services.wording import counted

if TYPE_CHECKING:
    from morpheus_assets.domain.spaces import SpaceRow
    from morpheus_assets.store.spaces.health import SpaceHealth

CHECK_KIND = "check"
SHOWN = 20
# Reading so many vectors takes less than a tenth of a second; a run's own novels are checked by its IO manager anyway.
LARGEST_READ_IN_A_RUN = 5_000
READ_VECTORS = {"dimensions_and_norm", "no_zero_vector"}
# Providers that promise unit vectors; halfvec keeps them to about a thousandth.
UNIT_NORM_TOLERANCE = 0.01

CHECKS = {
    "coverage": "Every distinct passage or panel, in a run of its novels, has a vector or was refused.",
    "nothing_refused": "No input is refused by the provider; `morpheus refused` lists them, with retry and ignore.",
    "dimensions_and_norm": "Every vector has the space's dimensions and the length that its model gives.",
    "no_zero_vector": "No vector has length zero: a cosine index would silently leave it out.",
    "index_recall": f"The index finds at least {LOWEST_RECALL} of the true neighbours.",
    "drift": f"A fixed sample, embedded again every week, comes out as it is stored (cosine ≥ {LOWEST_COSINE}).",
}


def build_check_job(spaces: Sequence[Space]) -> UnresolvedAssetJobDefinition:
    """The job that runs all checks of some spaces' assets and nothing else."""
    return dg.define_asset_job(
        "check_embeddings",
        selection=dg.AssetSelection.checks_for_assets(*(embeddings_key(space) for space in spaces), "chapters"),
        description="All checks of all embeddings, and of the chapters those that a run leaves out; measures drift when"
        " the last measurement is a week old.",
        tags={"morpheus/kind": CHECK_KIND},
    )


def build_embeddings_checks(spaces: Sequence[Space]) -> list[dg.AssetChecksDefinition]:
    """The checks of each space, one op a space."""
    return [_build_checks(space) for space in spaces]


def _build_checks(space: Space) -> dg.AssetChecksDefinition:
    key = embeddings_key(space)

    @dg.multi_asset_check(
        name="check_" + "__".join(key.path).replace("-", "_"),
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in CHECKS.items()],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext,
        database: dg.ResourceParam[DatabaseResource],
        providers: dg.ResourceParam[ProvidersResource],
        content_folder: dg.ResourceParam[ContentFolderResource],
    ) -> Iterator[dg.AssetCheckResult]:
        from morpheus_assets.store.spaces.health import space_and_rows, space_health

        engine = database.engine
        wanted = {each.name for each in context.selected_asset_check_keys}
        found = database.whole_spaces.get((context.run.run_id, space.key)) or space_and_rows(engine, space.key)
        if found is None:
            for name in sorted(wanted):
                yield _result(key, name, True, "Nothing was embedded in this space yet.")
            return
        row, rows = found
        measure = context.run.tags.get("morpheus/kind") == CHECK_KIND
        if _brings_novels(context.run) and rows > LARGEST_READ_IN_A_RUN:
            wanted -= {"coverage", *READ_VECTORS} | ({"index_recall"} if row.index_recall is None else set())
        health = space_health(
            engine,
            row,
            coverage="coverage" in wanted,
            summary=bool(wanted & READ_VECTORS),
            novels=_looked_at(context, database, space),
        )
        results: dict[str, Callable[[], dg.AssetCheckResult]] = {
            "coverage": lambda: _coverage(key, row, health, of_the_run=_brings_novels(context.run)),
            "nothing_refused": lambda: _nothing_refused(key, health),
            "dimensions_and_norm": lambda: _dimensions_and_norm(key, row, health),
            "no_zero_vector": lambda: _no_zero_vector(key, health),
            "index_recall": lambda: _index_recall(key, database, row, health),
            "drift": lambda: _drift(key, database, providers, content_folder, row, health, measure),
        }
        for name in CHECKS:
            if name in wanted:
                yield results[name]()

    return checks


def _brings_novels(run: dg.DagsterRun) -> bool:
    return PARTITION_NAME_TAG in run.tags or ASSET_PARTITION_RANGE_START_TAG in run.tags


def _looked_at(
    context: dg.AssetCheckExecutionContext, database: DatabaseResource, space: Space
) -> Sequence[str] | None:
    """The novels of the run: what other runs have at work still lacks its vectors. None: all of them."""
    allowed = only_novels(database.settings, space)
    name = PARTITION_SETS[space.purpose]
    brought = novels_of_runs([context.run.tags], context.instance.get_dynamic_partitions(name))
    if not brought:
        return allowed
    return sorted(brought if allowed is None else brought.intersection(allowed))


def _coverage(key: dg.AssetKey, row: "SpaceRow", health: "SpaceHealth", *, of_the_run: bool) -> dg.AssetCheckResult:
    found = health.coverage
    assert found is not None
    things = "chunks" if row.purpose == "text" else "panels"
    return _result(
        key,
        "coverage",
        found.whole,
        f"{found.present} of {found.needed} distinct {things} have a vector"
        f", {found.refused} are refused, {found.missing} are missing"
        + (", in the novels of this run." if of_the_run else "."),
        needed=found.needed,
        present=found.present,
        refused=found.refused,
        missing=found.missing,
    )


def _nothing_refused(key: dg.AssetKey, health: "SpaceHealth") -> dg.AssetCheckResult:
    # A passage that was edited since is in no novel any more: there is nothing left to look at.
    refusals = [each for each in health.refusals if each.places]
    faults = [f"{'; '.join(each.places)}: {each.reason}" for each in refusals]
    refused = counted(len(refusals), "input is", "inputs are")
    said = f"{refused} refused; see `morpheus refused`." if refusals else "No input is refused."
    return _result(key, "nothing_refused", not refusals, said, shown=fault_list(faults, SHOWN))


def _dimensions_and_norm(key: dg.AssetKey, row: "SpaceRow", health: "SpaceHealth") -> dg.AssetCheckResult:
    summary = health.summary
    if summary is None or summary.smallest_norm is None or summary.largest_norm is None:
        return _result(key, "dimensions_and_norm", True, "There are no vectors yet.", rows=0)
    # The column's type holds every row to the space's dimensions; what can differ is the length.
    unit = (
        abs(summary.smallest_norm - 1) <= UNIT_NORM_TOLERANCE and abs(summary.largest_norm - 1) <= UNIT_NORM_TOLERANCE
    )
    return _result(
        key,
        "dimensions_and_norm",
        unit,
        f"{summary.rows} vectors of {row.dimensions} dimensions, lengths from {summary.smallest_norm:.4f} to"
        f" {summary.largest_norm:.4f}" + ("." if unit else "; unit length was expected."),
        rows=summary.rows,
        dimensions=row.dimensions,
        smallest_norm=summary.smallest_norm,
        largest_norm=summary.largest_norm,
    )


def _no_zero_vector(key: dg.AssetKey, health: "SpaceHealth") -> dg.AssetCheckResult:
    smallest = health.summary.smallest_norm if health.summary else None
    passed = smallest is None or smallest > 0
    said = "No vector has length zero." if passed else "Some vectors have length zero and are found by no search."
    return _result(key, "no_zero_vector", passed, said, severity=dg.AssetCheckSeverity.ERROR)


def _index_recall(
    key: dg.AssetKey, database: DatabaseResource, row: "SpaceRow", health: "SpaceHealth"
) -> dg.AssetCheckResult:
    from morpheus_assets.store.spaces.indexes import index_recall

    # Measured once for each build: the exact side of the comparison reads every vector fifty times.
    recall = row.index_recall
    if recall is None and health.indexed:
        recall = index_recall(database.engine, row)
    if recall is None:
        return _result(key, "index_recall", True, "There is no index: the vectors are few enough for an exact search.")
    return _result(
        key,
        "index_recall",
        recall >= LOWEST_RECALL,
        f"The index ({row.index_kind}) finds {recall:.3f} of the true neighbours.",
        recall=recall,
    )


def _drift(
    key: dg.AssetKey,
    database: DatabaseResource,
    providers: ProvidersResource,
    content_folder: ContentFolderResource,
    row: "SpaceRow",
    health: "SpaceHealth",
    measure: bool,
) -> dg.AssetCheckResult:
    from morpheus_assets.services.drift import drift_of

    latest = health.drift

    if row.purpose == "text":
        found = drift_of(
            database.engine, providers.settings, row, latest, text_embedder(providers, database), None, measure=measure
        )
    else:
        embed = panel_embedder(providers, database, content_folder)
        found = drift_of(
            database.engine, providers.settings, row, latest, embed, content_folder.panels.exists, measure=measure
        )
    return _result(
        key,
        "drift",
        found.passed,
        found.sentence,
        severity=dg.AssetCheckSeverity.ERROR if found.lowest_cosine is not None else dg.AssetCheckSeverity.WARN,
        shown={} if found.lowest_cosine is None else {"lowest_cosine": dg.MetadataValue.float(found.lowest_cosine)},
    )


def _result(
    key: dg.AssetKey,
    name: str,
    passed: bool,
    description: str,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    shown: Mapping[str, dg.MetadataValue] | None = None,
    **metadata: Any,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=bool(passed),
        description=description,
        severity=severity,
        metadata={**metadata, **(shown or {})},
    )
