"""Sensors that pick up new, changed and vanished files: thin shells around services.content_scan and ingest_plan.

A source that cannot be read is a skipped tick with its reason, never an empty list: the difference to what is known
would mark everything as gone. A tick notes the files that it saw, as it keeps its cursor; a preview notes nothing.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.assets.content_sources import NOVEL_FILES, PANEL_FILES, record_content
from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS, INGEST_PANELS
from morpheus_assets.defs.partitions import NOVELS, NOVELS_WITH_PANELS, PANELS, partition_set
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.defs.runs_at_work import runs_at_work
from morpheus_assets.defs.sensors.previews import unsaved_in_a_preview
from morpheus_assets.defs.sensors.unrecorded import find_unrecorded
from morpheus_assets.services.backfills import RANGE_END, RANGE_START, novels_of_runs
from morpheus_assets.services.configured_spaces import configured_spaces, sample_image_spaces
from morpheus_assets.services.content_scan import Scan, scan_novels, scan_panels
from morpheus_assets.services.ingest_plan import Plan, PlannedRun, partition_changes, plan_runs
from morpheus_assets.services.samples import sample_novels
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.sources.base import ContentUnreadable, Source
from morpheus_assets.store.database.errors import StoreError

if TYPE_CHECKING:
    from morpheus_assets.store.database.transactions import Bind

Scanning = Callable[["Bind", Source, str | None], Scan]


@dg.sensor(
    job=INGEST_NOVELS,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches the novels' folder or bucket and asks for a run of ingest_novels for each new or changed file."
    " A touched but identical file does nothing; a file still being copied waits; two files that make one key are named"
    " and left out; a vanished file leaves a tombstone and everything that is stored.",
)
def new_novels_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.SensorResult | dg.SkipReason:
    """A new or changed file makes its partition and a run from file to vectors."""
    settings, source = content_folder.settings, content_folder.novels
    return _tick(context, database, settings, "text", NOVELS, source, scan_novels)


@dg.sensor(
    job=INGEST_PANELS,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches the panels' folders or bucket and asks for a run of ingest_panels over a novel's panels for"
    " any change among its images. Images whose vectors are stored are not embedded again.",
)
def new_panels_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.SensorResult | dg.SkipReason:
    """Any change among a novel's images makes one run; files still being copied hold back their novel only."""
    settings = content_folder.settings

    def assets(run: PlannedRun) -> list[dg.AssetKey]:
        pages = [dg.AssetKey("panel_images"), dg.AssetKey("regions")]
        if run.only_cut:
            return pages
        return [*pages, *embeddings_of(settings, "image", run.novels[0])]

    return _tick(context, database, settings, "panel", PANELS, content_folder.panels, scan_panels, assets)


def embeddings_of(settings: Settings, purpose: str, novel: str) -> list[dg.AssetKey]:
    """The assets that embed a novel's text ("text") or its panels ("image")."""
    # the sample panels are drawn for the demo model; everything else is embedded by the configured ones
    demo = sample_image_spaces(settings) if purpose == "image" else []
    spaces = demo if demo and novel in sample_novels() else configured_spaces(settings, purpose)
    return [embeddings_key(space) for space in spaces]


@dataclass(frozen=True)
class Position:
    """A sensor's cursor: which novels were asked for, in which version, and the path behind which to go on.

    `told` stands for the problems that were warned of: a file that is not read is named once, not at every tick.
    `recorded` is the position of unrecorded.py.
    """

    asked: Mapping[str, str] = field(default_factory=dict)
    after: str | None = None
    told: str | None = None
    recorded: str | None = None

    @classmethod
    def read(cls, cursor: str | None) -> "Position":
        """Read a stored cursor; that of a local folder used to be the versions by novel and nothing else."""
        stored = json.loads(cursor or "{}")
        if isinstance(stored.get("asked"), dict):
            return cls(stored["asked"], stored.get("after"), stored.get("told"), stored.get("recorded"))
        return cls(stored)

    def written(self) -> str:
        """The cursor to store."""
        noted = {"told": self.told, "recorded": self.recorded}
        kept = {name: value for name, value in noted.items() if value}
        return json.dumps({"asked": dict(self.asked), "after": self.after, **kept})


def _tick(
    context: dg.SensorEvaluationContext,
    database: DatabaseResource,
    settings: Settings,
    kind: str,
    definition: dg.DynamicPartitionsDefinition,
    source: Source,
    scanning: Scanning,
    assets: Callable[[PlannedRun], list[dg.AssetKey]] | None = None,
) -> dg.SensorResult | dg.SkipReason:
    """Scan, plan, ask for runs; the cursor says where the next tick goes on."""
    position = Position.read(context.cursor)
    try:
        with unsaved_in_a_preview(context, database.engine) as bind:
            scan = scanning(bind, source, position.after)
            known = context.instance.get_dynamic_partitions(partition_set(definition))
            changes = partition_changes(bind, kind, known)
            purpose = "text" if kind == "text" else "image"
            unrecorded = find_unrecorded(context, bind, settings, purpose, position.recorded)
            changed = scan.changed or scan.gone or unrecorded.position != position.recorded
            content = _content(bind, kind) if changed else []
    except (ContentUnreadable, StoreError) as fault:
        return dg.SkipReason(str(fault))
    named = "\n".join(sorted(scan.problems.values()))
    told = hashlib.sha256(named.encode()).hexdigest()[:16] if named else None
    for problem in scan.problems.values() if told != position.told else ():
        context.log.warning(problem)
    if unrecorded.events:
        context.log.info("Recorded of what is stored: %s", counted(len(unrecorded.events), "materialization"))
    events: list[dg.AssetObservation | dg.AssetMaterialization] = [*content, *unrecorded.events]
    # After a loss of Dagster's database, or of one from before there were two sets: what is stored has its partition
    # again, and lacks nothing.
    restored = changes.missing
    plan = plan_runs(
        scan.stale,
        {*known, *restored},
        position.asked,
        kind=kind,
        limit=settings.max_runs_per_tick,
        batch=settings.batch_of_novels,
    )
    held = {novel: version for novel, version in position.asked.items() if novel == scan.held}
    cursor = Position({**held, **plan.requested}, scan.after, told, unrecorded.position).written()
    asked = {item.novel for item in scan.stale}
    # a scan that stopped half-way has not seen every file yet
    unneeded = [novel for novel in changes.surplus if novel not in asked] if scan.after is None else []
    surplus = _free(context.instance, unneeded, known, definition)
    partitions = [
        *_partition_requests(definition, [*restored, *plan.new_partitions], surplus),
        *_with_both(context.instance),
    ]
    if not plan.runs and not partitions:
        said = dg.SkipReason(_nothing_to_do(scan, plan))
        if events:
            return dg.SensorResult(skip_reason=said, asset_events=events, cursor=cursor)
        # Dagster takes a cursor in one way only
        context.update_cursor(cursor)
        return said
    if restored:
        context.log.info("Their partition again: %s", counted(len(restored), "stored novel"))
    if surplus:
        context.log.info("nothing is stored any more, or yet, of the partitions %s", ", ".join(surplus))
    return dg.SensorResult(
        run_requests=[_run_request(run, assets(run) if assets else None) for run in plan.runs],
        dynamic_partitions_requests=partitions,
        asset_events=events,
        cursor=cursor,
    )


def _content(bind: "Bind", kind: str) -> list[dg.AssetObservation | dg.AssetMaterialization]:
    from morpheus_assets.store.content.source_files import summarize_source_files

    key = NOVEL_FILES if kind == "text" else PANEL_FILES
    return record_content(key, summarize_source_files(bind, kind))


def _free(
    instance: dg.DagsterInstance, surplus: Sequence[str], known: Sequence[str], definition: dg.PartitionsDefinition
) -> list[str]:
    """The partitions of nothing that no run and no backfill is over: deleted beneath one, they would make it fail."""
    if not surplus:
        return []
    from morpheus_assets.defs.backfills import any_running

    if any_running(instance):
        return []
    busy = novels_of_runs((run.tags for run in runs_at_work(instance)), known, partition_set(definition))
    return [novel for novel in surplus if novel not in busy]


def _with_both(
    instance: dg.DagsterInstance,
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    """What makes the third set equal to the novels that are in both others, as the ticks before have left them."""
    texts, pictures, known = (
        instance.get_dynamic_partitions(partition_set(each)) for each in (NOVELS, PANELS, NOVELS_WITH_PANELS)
    )
    wanted = set(texts) & set(pictures)
    added, surplus = sorted(wanted.difference(known)), sorted(set(known) - wanted)
    return _partition_requests(NOVELS_WITH_PANELS, added, _free(instance, surplus, known, NOVELS_WITH_PANELS))


def _partition_requests(
    definition: dg.DynamicPartitionsDefinition, added: Sequence[str], deleted: Sequence[str]
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if added:
        requests.append(definition.build_add_request(added))
    if deleted:
        requests.append(definition.build_delete_request(deleted))
    return requests


def _run_request(run: PlannedRun, assets: list[dg.AssetKey] | None) -> dg.RunRequest:
    if len(run.novels) == 1:
        [novel] = run.novels
        tags = {"morpheus/novel" if assets is None else "morpheus/panels_of": novel}
        return dg.RunRequest(run_key=run.run_key, partition_key=novel, asset_selection=assets, tags=tags)
    tags = {RANGE_START: run.novels[0], RANGE_END: run.novels[-1]}
    return dg.RunRequest(run_key=run.run_key, asset_selection=assets, tags=tags)


def _nothing_to_do(scan: Scan, plan: Plan) -> str:
    seen = counted(scan.files, "file")
    if scan.pages > 1:
        seen += f" on {counted(scan.pages, 'page')}"
    if scan.after is not None:
        seen += f", up to {scan.after}"
    parts = [f"{seen}, nothing new"]
    if plan.requested:
        parts.append(f"{counted(len(plan.requested), 'novel')} asked for earlier")
    if scan.waiting:
        parts.append(f"{counted(scan.waiting, 'file')} still being copied")
    return "; ".join([*parts, *scan.problems.values()])
