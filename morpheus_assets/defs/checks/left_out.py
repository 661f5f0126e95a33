"""Checks that a run has planned and will not reach, for a step before them failed: what they said last stands.

Dagster shows such a check as "execution failed", a fault of its own, until it is evaluated again (1.13).
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import dagster as dg
from dagster._core.execution.context.system import StepExecutionContext

from morpheus_assets.defs.checks.remembered import last_evaluation


def with_checks_left_out(step: StepExecutionContext, asset: dg.AssetKey, events: Iterator[Any]) -> Iterator[Any]:
    """Events of the step that makes `asset`; where it fails, the evaluations of what comes after it follow."""
    try:
        yield from events
    except Exception:
        left: list[dg.DagsterEvent] = []
        # the fault itself is what has to be told, also where Dagster's own database is away
        with suppress(Exception):
            left = list(evaluations_left_out(step, asset))
        yield from left
        raise


def evaluations_left_out(step: StepExecutionContext, asset: dg.AssetKey) -> Iterator[dg.DagsterEvent]:
    """An evaluation for each check of `asset`, and of what is made of it, that the run planned and has not reached."""
    instance, run_id = step.instance, step.run_id
    evaluated = {
        event.dagster_event.asset_check_evaluation_data.asset_check_key
        for event in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if event.dagster_event
    }
    planned = {
        event.dagster_event.asset_check_planned_data.asset_check_key
        for event in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED)
        if event.dagster_event
    }
    after = _made_of(step, asset)
    for key in sorted(planned - evaluated, key=str):
        if key.asset_key in after:
            yield dg.DagsterEvent.asset_check_evaluation(step, _what_it_said(instance, key, asset))


def _made_of(step: StepExecutionContext, asset: dg.AssetKey) -> set[dg.AssetKey]:
    layer = step.job_def.asset_layer
    found, waiting = {asset}, [asset]
    while waiting:
        for child in layer.get(waiting.pop()).child_keys:
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _what_it_said(instance: dg.DagsterInstance, key: dg.AssetCheckKey, failed: dg.AssetKey) -> dg.AssetCheckEvaluation:
    why = f"Not evaluated in this run, for {failed.to_user_string()} failed before it."
    last = last_evaluation(instance, key)
    if last is None:
        return dg.AssetCheckEvaluation(
            key.asset_key, key.name, passed=False, severity=dg.AssetCheckSeverity.WARN, description=why
        )
    said = (last.description or "").partition(" It said before: ")[2] or last.description or "nothing"
    return dg.AssetCheckEvaluation(
        key.asset_key, key.name, last.passed, last.metadata, severity=last.severity,
        description=f"{why} It said before: {said}",
    )  # fmt: skip
