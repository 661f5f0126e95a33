"""`python -m morpheus_assets.defs.ingest_here [--texts|--panels] NOVEL…`: what the sensors launch, in this process.

For the demo and for scripts; it needs DAGSTER_HOME, as every Dagster command does.
"""

import sys
from collections.abc import Sequence
from pkgutil import resolve_name

import dagster as dg

from morpheus_assets.defs.jobs.ingest import INGEST_NOVELS, INGEST_PANELS
from morpheus_assets.defs.partitions import partition_set
from morpheus_assets.domain.slugs import is_novel_slug

JOBS = {"--texts": INGEST_NOVELS, "--panels": INGEST_PANELS}


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


def main() -> int:
    """Exit code 0 when everything was ingested."""
    chosen = [job.name for option, job in JOBS.items() if option in sys.argv[1:]]
    novels = [argument for argument in sys.argv[1:] if argument not in JOBS]
    wrong = [novel for novel in novels if not is_novel_slug(novel)]
    if wrong or not novels:
        print(f"Not the key of a novel: {', '.join(wrong) or 'nothing was named'}.", file=sys.stderr)  # noqa: T201
        return 2
    with dg.DagsterInstance.get() as instance:
        return 0 if ingest(novels, chosen or [job.name for job in JOBS.values()], instance) else 1


if __name__ == "__main__":
    sys.exit(main())
