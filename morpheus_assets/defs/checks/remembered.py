"""What a check of some novels says of the whole asset: faults that earlier runs found in other novels stand.

Dagster shows the last evaluation only (1.13): without this a sound novel would hide the fault of the one before it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from morpheus_assets.defs.checks.fault_lists import fault_list, summary

# A novel with more is told by its first ones.
_SHOWN_OF_A_NOVEL = 10
_BY_NOVEL = "by_novel"
_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


def last_evaluation(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> dg.AssetCheckEvaluation | None:
    """What a check said when it was evaluated last; None if it never was."""
    for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=_EVALUATED):
        event = record.event.dagster_event if record.event else None
        if event is not None:
            return event.asset_check_evaluation_data
    return None


def result_for_all(
    instance: dg.DagsterInstance,
    key: dg.AssetCheckKey,
    faults: Mapping[str, Sequence[str]],
    looked_at: Collection[str],
    stored: Callable[[], Collection[str]],
    well: str,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    **metadata: Any,
) -> dg.AssetCheckResult:
    """The result of a check that has `looked_at` some novels and found `faults` in them, sentences by novel.

    What it found in others before is said too, as long as they are among the `stored` ones, but only warns: it must
    not hold up the novels of this run.
    """
    found = {novel: list(said) for novel, said in faults.items() if said}
    others = _remembered(instance, key, looked_at)
    if others:
        known = set(stored())
        others = {novel: said for novel, said in others.items() if novel in known}
    own, earlier = _flat(found), _flat(others)
    told = [*own, *earlier]
    said = summary(told, well)
    if own and earlier:
        said += f" ({len(earlier)} of them were found by earlier runs, in other novels.)"
    elif earlier:
        said = f"The novels of this run are sound: {well}. Found by earlier runs, {said}"
    if told:
        kept = {novel: each[:_SHOWN_OF_A_NOVEL] for novel, each in {**others, **found}.items()}
        metadata[_BY_NOVEL] = dg.MetadataValue.json(kept)
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=not told,
        severity=severity if own or not earlier else dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={**fault_list(told), **metadata},
    )


def _remembered(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, looked_at: Collection[str]
) -> dict[str, list[str]]:
    last = last_evaluation(instance, key)
    kept = last.metadata.get(_BY_NOVEL) if last is not None else None
    data = kept.value if isinstance(kept, dg.JsonMetadataValue) else None
    if not isinstance(data, dict):
        return {}
    return {str(novel): list(said) for novel, said in data.items() if novel not in looked_at}


def _flat(faults: Mapping[str, Sequence[str]]) -> list[str]:
    return [sentence for said in faults.values() for sentence in said]
