"""Sensors that pick up new, changed and vanished files. Thin shells: listing and planning are pure functions beside.

A folder that cannot be read is a skipped tick with its reason, never an empty list: the difference to what is
known would mark everything as gone.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from morpheus_assets.defs.assets.embeddings import embeddings_key
from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS, INGEST_PANELS
from morpheus_assets.defs.partitions import NOVELS, RANGE_END, RANGE_START
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource
from morpheus_assets.services.configured_spaces import configured_image_spaces, sample_image_spaces
from morpheus_assets.services.content_scan import Look, novels_at_address, panels_at_address
from morpheus_assets.services.ingest_plan import (
    Plan,
    PlannedRun,
    StaleNovel,
    gone,
    plan_runs,
    stale_panels,
    stale_texts,
)
from morpheus_assets.services.samples import sample_novels
from morpheus_assets.sources.local import ContentUnreadable, Observation, list_novels, list_panel_folders, observe
from morpheus_assets.sources.names import Listing
from morpheus_assets.sources.objects import ObjectPlace
from morpheus_assets.store.database.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from morpheus_assets.domain.content import SourceFile


@dg.sensor(job=INGEST_NOVELS, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def new_novels_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.SensorResult | dg.SkipReason:
    """Watch `content/novels`: a new or changed file makes its partition and a run from file to vectors.

    A touched but identical file does nothing; a file still being copied waits; two files that make one key are named
    and left out; a vanished file leaves a tombstone and everything that is stored.
    """

    def stale(engine: "Engine", files: Collection["SourceFile"]) -> list[StaleNovel]:
        from morpheus_assets.store.content.novels import ingested_digests

        digests = ingested_digests(engine)
        return stale_texts(files, {novel: (known.text, known.refused) for novel, known in digests.items()})

    place = content_folder.novels
    if isinstance(place, ObjectPlace):
        return look_at_address(context, database, content_folder, "text", partial(novels_at_address, place))
    folder = content_folder.settings.novels_folder
    return look(context, database, content_folder, "text", folder, list_novels, stale)


@dg.sensor(job=INGEST_PANELS, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def new_panels_sensor(
    context: dg.SensorEvaluationContext,
    database: dg.ResourceParam[DatabaseResource],
    content_folder: dg.ResourceParam[ContentFolderResource],
) -> dg.SensorResult | dg.SkipReason:
    """Watch `content/panels/<novel>/`: any change among a novel's images makes one run over its panels.

    Images whose vectors are stored are not embedded again. Files still being copied hold back their novel only.
    """

    def stale(engine: "Engine", files: Collection["SourceFile"]) -> list[StaleNovel]:
        from morpheus_assets.store.content.novels import ingested_digests

        digests = ingested_digests(engine)
        return stale_panels(files, {novel: known.panels for novel, known in digests.items()})

    settings = content_folder.settings

    def assets(novels: tuple[str, ...]) -> list[dg.AssetKey]:
        # the sample panels are drawn for the demo model; everything else is embedded by the configured ones
        demo = sample_image_spaces(settings)
        spaces = demo if demo and novels[0] in sample_novels() else configured_image_spaces(settings)
        return [dg.AssetKey("panel_images"), *(embeddings_key(space) for space in spaces)]

    place = content_folder.panels
    if isinstance(place, ObjectPlace):
        return look_at_address(context, database, content_folder, "panel", partial(panels_at_address, place), assets)
    return look(context, database, content_folder, "panel", settings.panels_folder, list_panel_folders, stale, assets)


def look(
    context: dg.SensorEvaluationContext,
    database: DatabaseResource,
    content_folder: ContentFolderResource,
    kind: str,
    folder: Path,
    list_files: Callable[[Path], Listing],
    find_stale: Callable[["Engine", Collection["SourceFile"]], list[StaleNovel]],
    assets: Callable[[tuple[str, ...]], list[dg.AssetKey]] | None = None,
) -> dg.SensorResult | dg.SkipReason:
    """One look at a folder: list, observe, remember, plan; the same for novels and panels."""
    from morpheus_assets.store.content.source_files import (
        load_source_files,
    )

    try:
        listing = list_files(folder)
        known = load_source_files(database.engine, kind)
        if known and not listing.files and not listing.problems:
            return dg.SkipReason(
                f"{folder} is empty although {len(known)} files were known; an unmounted volume looks the same, so"
                " nothing is marked as removed. Use `morpheus remove NOVEL` for what should go."
            )
        observation = remember(database.engine, kind, folder, listing, known)
        stale = find_stale(database.engine, observation.files)
    except (ContentUnreadable, StoreError) as fault:
        return dg.SkipReason(str(fault))
    problems = [*listing.problems.values(), *observation.problems.values()]
    asked = json.loads(context.cursor or "{}")
    if "asked" in asked and isinstance(asked["asked"], dict):
        # the content lay behind an address before
        asked = asked["asked"]
    plan = _plan(context, content_folder, kind, stale, asked, problems)
    told = _nothing_to_do(f"{len(listing.files)} files", len(observation.waiting), plan, problems)
    return _asked_for(context, plan, json.dumps(plan.requested), told, assets)


def look_at_address(
    context: dg.SensorEvaluationContext,
    database: DatabaseResource,
    content_folder: ContentFolderResource,
    kind: str,
    look_on: Callable[["Engine", str | None], tuple[Look, list[StaleNovel]]],
    assets: Callable[[tuple[str, ...]], list[dg.AssetKey]] | None = None,
) -> dg.SensorResult | dg.SkipReason:
    """One look at objects behind an address: some pages, what is stale by then, and in the cursor where to go on."""
    position = json.loads(context.cursor or "{}")
    if not isinstance(position.get("asked"), dict):
        # the content lay in a local folder before
        position = {"asked": position}
    try:
        seen, stale = look_on(database.engine, position.get("after"))
    except (ContentUnreadable, StoreError) as fault:
        return dg.SkipReason(str(fault))
    problems = list(seen.problems.values())
    plan = _plan(context, content_folder, kind, stale, position["asked"], problems)
    held = {novel: state for novel, state in position["asked"].items() if novel == seen.held}
    cursor = json.dumps({"asked": {**held, **plan.requested}, "after": seen.after})
    looked = f"{seen.objects} objects on {seen.pages} pages"
    if seen.after is not None:
        looked += f", up to {seen.after}"
    return _asked_for(context, plan, cursor, _nothing_to_do(looked, 0, plan, problems), assets)


def _plan(
    context: dg.SensorEvaluationContext,
    content_folder: ContentFolderResource,
    kind: str,
    stale: Sequence[StaleNovel],
    asked: Mapping[str, str],
    problems: Sequence[str],
) -> Plan:
    for problem in problems:
        context.log.warning(problem)
    return plan_runs(
        stale,
        set(context.instance.get_dynamic_partitions(NOVELS.name or "novels")),
        asked,
        kind=kind,
        limit=content_folder.settings.max_runs_per_tick,
        batch=content_folder.settings.batch_of_novels,
    )


def _asked_for(
    context: dg.SensorEvaluationContext,
    plan: Plan,
    cursor: str,
    nothing_to_do: str,
    assets: Callable[[tuple[str, ...]], list[dg.AssetKey]] | None,
) -> dg.SensorResult | dg.SkipReason:
    if not plan.runs:
        context.update_cursor(cursor)
        return dg.SkipReason(nothing_to_do)
    return dg.SensorResult(
        run_requests=[_run_request(run, assets(run.novels) if assets else None) for run in plan.runs],
        dynamic_partitions_requests=[NOVELS.build_add_request(list(plan.new_partitions))],
        cursor=cursor,
    )


def remember(
    engine: "Engine", kind: str, folder: Path, listing: Listing, known: dict[str, "SourceFile"]
) -> Observation:
    """Store what the folder shows, set and lift tombstones."""
    from morpheus_assets.store.content.source_files import (
        forget_source_files,
        note_missing,
        note_returned,
        save_source_files,
    )

    observation = observe(folder, listing.files, known, kind=kind)
    listed = {file.path for file in listing.files} | set(listing.problems)
    vanished = gone(known.values(), listed)
    save_source_files(engine, observation.files)
    if vanished:
        note_missing(engine, kind, vanished)
        forget_source_files(engine, kind, [path for _, path in vanished])
    appeared = [file.path for file in observation.files if file.path not in known]
    if appeared:
        note_returned(engine, kind, appeared)
    return observation


def _run_request(run: PlannedRun, assets: list[dg.AssetKey] | None) -> dg.RunRequest:
    if len(run.novels) == 1:
        [novel] = run.novels
        tags = {"morpheus/novel" if assets is None else "morpheus/panels_of": novel}
        return dg.RunRequest(run_key=run.run_key, partition_key=novel, asset_selection=assets, tags=tags)
    tags = {RANGE_START: run.novels[0], RANGE_END: run.novels[-1]}
    return dg.RunRequest(run_key=run.run_key, asset_selection=assets, tags=tags)


def _nothing_to_do(looked_at: str, waiting: int, plan: Plan, problems: Sequence[str]) -> str:
    parts = [f"{looked_at}, nothing new"]
    if plan.requested:
        parts.append(f"{len(plan.requested)} novels asked for earlier")
    if waiting:
        parts.append(f"{waiting} files still being copied")
    return "; ".join([*parts, *problems])
