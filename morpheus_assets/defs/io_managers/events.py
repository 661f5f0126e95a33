"""Records each novel of a run as materialized while the step still works, instead of all of them at its end.

The one place that knows Dagster's private side of it (1.13): tests fail when one of these names moves.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import dagster as dg
from dagster._core.definitions.assets.definition.asset_spec import AssetExecutionType
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.events import DagsterEventBatchMetadata, generate_event_batch_id
from dagster._core.execution.plan.execute_step import _get_output_asset_events

T = TypeVar("T")
# Written together: each write costs a transaction, and nobody looks more often.
WRITE_SECONDS = 2.0


def recorded_by_io_manager(value: T) -> dg.Output[T]:
    """The output of an asset whose IO manager records its partitions, so that Dagster does not do it once more."""
    return dg.Output(value, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})


def followed_in_run(context: dg.OutputContext) -> bool:
    """True when another asset of the same run is made of this one."""
    assets = context.step_context.job_def.asset_layer
    return bool(assets.get(context.asset_key).child_keys & set(assets.selected_asset_keys))


class NovelEvents:
    """The novels that one step has stored, on their way to Dagster's event log."""

    def __init__(self, context: dg.OutputContext) -> None:
        self._context = context
        self._waiting: dict[str, Mapping[str, Any]] = {}
        self._known: set[str] = set()
        self._written = time.monotonic()
        self._tags: Mapping[str, str] | None = None

    def __contains__(self, novel: object) -> bool:
        return novel in self._known

    def add(self, novel: str, metadata: Mapping[str, Any]) -> None:
        """Have one novel recorded by the next write, with the metadata of its materialization."""
        self._known.add(novel)
        self._waiting[novel] = metadata

    @property
    def waiting(self) -> bool:
        """True when something was added since the last write."""
        return bool(self._waiting)

    @property
    def due(self) -> bool:
        """True when the last write was so long ago that somebody may miss the next."""
        return time.monotonic() - self._written > WRITE_SECONDS

    def write(self, whole_table: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Record what was added since the last write; `whole_table` is said of each beside its own metadata."""
        batch = generate_event_batch_id()
        last = len(self._waiting)
        for number, (novel, metadata) in enumerate(self._waiting.items(), 1):
            made = dg.AssetMaterialization(
                self._context.asset_key,
                partition=novel,
                metadata={**metadata, **(whole_table or {})},
                tags=self._version_tags(novel),
            )
            place = DagsterEventBatchMetadata(batch, number == last)
            yield dg.DagsterEvent.asset_materialization(self._context.step_context, made, place)
        self._waiting.clear()
        self._written = time.monotonic()

    def _version_tags(self, novel: str) -> Mapping[str, str]:
        # Code and data versions, the same for all partitions of a step: what the UI calls outdated rests on them.
        if self._tags is None:
            step = self._context.step_context
            [made] = _get_output_asset_events(
                self._context.asset_key,
                [novel],
                dg.Output(None),
                step.op_def.output_defs[0],
                {},
                step,
                AssetExecutionType.MATERIALIZATION,
            )
            self._tags = made.tags or {}
        return self._tags
