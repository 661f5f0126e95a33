"""The sensor that asks for measuring the search anew: when questions, spaces or languages change."""

import hashlib

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from morpheus_assets.defs.resources import DatabaseResource
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
            return dg.SkipReason("The same questions and spaces as were measured last.")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"questions:{state}")], cursor=state)

    return new_questions_sensor
