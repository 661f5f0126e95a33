"""The only full listing of what Dagster runs: assets, jobs, sensors, checks, IO managers and resources."""

from typing import Any

import dagster as dg

from morpheus_assets.defs.assets.chapter_echoes import build_chapter_echoes_asset
from morpheus_assets.defs.assets.characters import character_sheets, characters
from morpheus_assets.defs.assets.content_sources import build_content_specs
from morpheus_assets.defs.assets.embeddings import build_image_embeddings_asset, build_text_embeddings_asset
from morpheus_assets.defs.assets.panels import panel_images, regions
from morpheus_assets.defs.assets.retrieval_quality import build_retrieval_quality_asset
from morpheus_assets.defs.assets.scenes import build_scene_assets
from morpheus_assets.defs.assets.search_index import build_search_index_specs
from morpheus_assets.defs.assets.similar_novels import build_similar_novels_asset
from morpheus_assets.defs.assets.text import build_chunks_asset, chapters, novels
from morpheus_assets.defs.assets.training_pairs import build_training_pairs_asset
from morpheus_assets.defs.automation import insight_sensor
from morpheus_assets.defs.checks.content import CONTENT_CHECKS
from morpheus_assets.defs.checks.embeddings import build_check_job, build_embeddings_checks
from morpheus_assets.defs.checks.insight import INSIGHT_CHECKS
from morpheus_assets.defs.checks.pages import PAGE_CHECKS
from morpheus_assets.defs.checks.retrieval import build_retrieval_checks
from morpheus_assets.defs.checks.rows import build_row_checks
from morpheus_assets.defs.executors import build_executor
from morpheus_assets.defs.io_managers.registry import build_io_managers
from morpheus_assets.defs.jobs.catch_up import ingest_unfinished
from morpheus_assets.defs.jobs.collect_batches import collect_batches
from morpheus_assets.defs.jobs.generate_embedding import generate_embedding
from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS, INGEST_PANELS
from morpheus_assets.defs.jobs.lost_runs import end_lost_runs
from morpheus_assets.defs.jobs.measure_retrieval import build_measure_job
from morpheus_assets.defs.jobs.reembed import reembed
from morpheus_assets.defs.jobs.switch_spaces import prepare_new_space, switch_spaces
from morpheus_assets.defs.jobs.upkeep import upkeep
from morpheus_assets.defs.resources import ContentFolderResource, DatabaseResource, ProvidersResource, build_resources
from morpheus_assets.defs.run_processes import begin_forking, fork_runs, go_on_watching_runs
from morpheus_assets.defs.schedules import build_schedules, interval_of
from morpheus_assets.defs.sensors.batch_jobs import batch_jobs_sensor
from morpheus_assets.defs.sensors.failed_ingests import failed_ingests_sensor
from morpheus_assets.defs.sensors.new_casts import new_casts_sensor
from morpheus_assets.defs.sensors.new_content import new_novels_sensor, new_panels_sensor
from morpheus_assets.defs.sensors.new_questions import build_new_questions_sensor
from morpheus_assets.defs.sensors.orphaned_runs import lost_runs_sensor
from morpheus_assets.defs.sensors.space_switch import switch_spaces_sensor
from morpheus_assets.services.chunker import configured_chunker
from morpheus_assets.services.configured_spaces import (
    configured_image_spaces,
    configured_text_spaces,
    sample_image_spaces,
)
from morpheus_assets.services.samples import sample_novels
from morpheus_assets.services.thread_switching import switch_threads_soon
from morpheus_assets.settings import Settings, load_settings


def build_definitions(settings: Settings | None = None, **overrides: Any) -> dg.Definitions:
    """Everything, for the settings of the environment or for those given.

    `overrides` replace resources by name: tests put a provider or a database of their own there. Raises
    ConfigurationError for a space that is unknown or cannot take the largest chunk.
    """
    settings = settings or load_settings()
    text_spaces = configured_text_spaces(settings)
    configured = configured_image_spaces(settings)
    image_spaces = [*configured, *sample_image_spaces(settings)]
    database = DatabaseResource(settings)
    resources = {
        **build_resources(database, ContentFolderResource(settings), ProvidersResource(settings)),
        **build_io_managers(database),
    }
    chunker = configured_chunker(settings, text_spaces)
    embeddings = [
        *(build_text_embeddings_asset(space, leads=space == text_spaces[0]) for space in text_spaces),
        *(build_image_embeddings_asset(space, leads=space == configured[0]) for space in configured),
        *(
            build_image_embeddings_asset(space, leads=False, only_novels=sample_novels())
            for space in sample_image_spaces(settings)
        ),
    ]
    check_job = build_check_job([*text_spaces, *image_spaces])
    insight = [
        build_chapter_echoes_asset(text_spaces[0]),
        characters,
        character_sheets,
        build_similar_novels_asset(text_spaces[0]),
        *build_scene_assets(image_spaces),
        build_training_pairs_asset(text_spaces[0]),
    ]
    assets = [*insight, novels, chapters, build_chunks_asset(chunker), panel_images, regions, *embeddings]
    quality = [build_retrieval_quality_asset(space) for space in text_spaces]
    measure_job = build_measure_job(text_spaces)
    external = [
        *build_content_specs(settings),
        *build_search_index_specs([*text_spaces, *image_spaces], interval_of(settings.upkeep_cron)),
    ]
    batches = dg.BackfillPolicy.multi_run(settings.batch_of_novels)
    return dg.Definitions(
        assets=[*external, *(asset.with_attributes(backfill_policy=batches) for asset in assets), *quality],
        asset_checks=[
            *CONTENT_CHECKS,
            *PAGE_CHECKS,
            *build_row_checks(chunker),
            *INSIGHT_CHECKS,
            *build_embeddings_checks([*text_spaces, *image_spaces]),
            *build_retrieval_checks(text_spaces),
        ],
        jobs=[
            INGEST_NOVELS,
            INGEST_PANELS,
            ingest_unfinished,
            generate_embedding,
            reembed,
            collect_batches,
            switch_spaces,
            prepare_new_space,
            end_lost_runs,
            upkeep,
            measure_job,
            check_job,
        ],
        schedules=build_schedules(settings, check_job),
        sensors=[
            new_novels_sensor,
            new_panels_sensor,
            build_new_questions_sensor(measure_job),
            new_casts_sensor,
            switch_spaces_sensor,
            lost_runs_sensor,
            failed_ingests_sensor,
            batch_jobs_sensor,
            insight_sensor,
        ],
        resources={**resources, **overrides},
        executor=build_executor(settings),
    )


switch_threads_soon()
fork_runs()
go_on_watching_runs()
defs = build_definitions()
begin_forking()
