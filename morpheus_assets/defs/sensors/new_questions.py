"""The sensor that asks for measuring the search anew: when questions, spaces or languages change."""

import hashlib
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from morpheus_assets.defs.assets.retrieval_quality import quality_key
from morpheus_assets.defs.resources import DatabaseResource
from morpheus_assets.defs.sensors.unrecorded import WHY
from morpheus_assets.services.configured_spaces import configured_text_spaces
from morpheus_assets.sources.base import ContentUnreadable
from morpheus_assets.store.database.errors import StoreError


def build_new_questions_sensor(job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """The sensor of the job that measures."""

    @dg.sensor(
        name="new_questions_sensor",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Watches content/questions, which text spaces are ready or active, and the languages of the stored"
        f" novels, and asks for a run of {job.name} when one of them changed. Without files of questions it asks for"
        " none.",
    )
    def new_questions_sensor(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.SensorResult | dg.SkipReason:
        """One run for each state of the files and spaces; a file that is written to is read in the run."""
        from morpheus_assets.services.evaluation.question_files import seen_questions
        from morpheus_assets.store.content.lookups import languages_of_novels
        from morpheus_assets.store.spaces.spaces import list_spaces

        try:
            files = seen_questions(database.settings)
            able = [row.key for row in list_spaces(database.engine, "text") if row.state in ("ready", "active")]
            languages = set(languages_of_novels(database.engine).values())
        except (ContentUnreadable, StoreError) as fault:
            return dg.SkipReason(str(fault))
        if not files:
            return dg.SkipReason("There are no questions: write some as content/questions/<name>.tsv.")
        if not able:
            return dg.SkipReason("No text space is whole yet.")
        state = hashlib.sha256("\n".join([files, *sorted(able), *sorted(languages)]).encode()).hexdigest()[:16]
        if state == context.cursor:
            said = dg.SkipReason("The same questions and spaces as were measured last.")
            unrecorded = _unrecorded(context, database)
            return dg.SensorResult(skip_reason=said, asset_events=unrecorded) if unrecorded else said
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"questions:{state}")], cursor=state)

    return new_questions_sensor


def _unrecorded(context: dg.SensorEvaluationContext, database: DatabaseResource) -> list[dg.AssetMaterialization]:
    """The latest measurements that Dagster has no record of: their assets were renamed."""
    from morpheus_assets.store.evaluation.outcomes import latest_measurement

    events = []
    for space in configured_text_spaces(database.settings):
        key = quality_key(space)
        if context.instance.get_latest_materialization_event(key) is not None:
            continue
        if measured := latest_measurement(database.engine, space.key):
            when, questions = measured
            metadata: dict[str, Any] = {"questions": questions, "measured": dg.MetadataValue.timestamp(when)}
            events.append(dg.AssetMaterialization(key, description=WHY, metadata=metadata))
    return events
