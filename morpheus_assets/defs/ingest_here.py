"""`python -m morpheus_assets.defs.ingest_here [--texts|--panels|--insight] NOVEL…`: what sensors launch, run here.

For the demo and for scripts; it needs DAGSTER_HOME, as every Dagster command does.
"""

import sys
from collections.abc import Sequence
from pkgutil import resolve_name

import dagster as dg

from morpheus_assets.defs.automation import INSIGHT_GROUP
from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS, INGEST_PANELS
from morpheus_assets.defs.partitions import NOVELS, NOVELS_WITH_PANELS, partition_set
from morpheus_assets.domain.slugs import is_novel_slug

JOBS = {"--texts": INGEST_NOVELS, "--panels": INGEST_PANELS}
INSIGHT = "--insight"


def ingest(novels: Sequence[str], jobs: Sequence[str], instance: dg.DagsterInstance) -> bool:
    """Run jobs (by name) for each novel; returns whether all succeeded."""
    # by name, as Dagster loads it: the definitions stand above this room
    definitions = resolve_name("morpheus_assets.definitions:build_definitions")()
    done = True
    for job in jobs:
        run = definitions.resolve_job_def(job)
        instance.add_dynamic_partitions(partition_set(run.partitions_def), list(novels))
        for novel in novels:
            result = run.execute_in_process(instance=instance, partition_key=novel, raise_on_error=False)
            done = done and result.success
    return done


def make_insight(novels: Sequence[str], instance: dg.DagsterInstance) -> bool:
    """Make the insight assets of novels that have a text and panels; returns whether all succeeded."""
    definitions = resolve_name("morpheus_assets.definitions:build_definitions")()
    graph = definitions.resolve_asset_graph()
    every = dg.AssetSelection.groups(INSIGHT_GROUP).resolve(graph)
    job = definitions.resolve_implicit_global_asset_job_def()
    done = True
    for partitions in (NOVELS, NOVELS_WITH_PANELS):
        instance.add_dynamic_partitions(partition_set(partitions), list(novels))
        keys = [key for key in every if graph.get(key).partitions_def == partitions]
        for novel in novels:
            result = job.execute_in_process(
                instance=instance, partition_key=novel, asset_selection=keys, raise_on_error=False
            )
            done = done and result.success
    return done


def main() -> int:
    """Exit code 0 when everything was ingested."""
    chosen = [job.name for option, job in JOBS.items() if option in sys.argv[1:]]
    insight = INSIGHT in sys.argv[1:]
    novels = [argument for argument in sys.argv[1:] if argument not in (*JOBS, INSIGHT)]
    wrong = [novel for novel in novels if not is_novel_slug(novel)]
    if wrong or not novels:
        print(f"Not the key of a novel: {', '.join(wrong) or 'nothing was named'}.", file=sys.stderr)  # noqa: T201
        return 2
    with dg.DagsterInstance.get() as instance:
        done = True
        if chosen or not insight:
            done = ingest(novels, chosen or [job.name for job in JOBS.values()], instance)
        return 0 if done and (not insight or make_insight(novels, instance)) else 1


if __name__ == "__main__":
    sys.exit(main())
