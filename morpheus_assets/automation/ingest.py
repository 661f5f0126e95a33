"""`python -m morpheus_assets.automation.ingest NOVEL…`: what the sensors would launch, in this process, to its end.

For the demo and for scripts; it needs DAGSTER_HOME, as every Dagster command does.
"""

import sys

import dagster as dg

from morpheus_assets.automation.jobs import INGEST_NOVELS, INGEST_PANELS
from morpheus_assets.definitions import build_definitions
from morpheus_assets.partitions import NOVELS, is_novel_slug


def ingest(novels: list[str], instance: dg.DagsterInstance) -> bool:
    """Run both ingest jobs for each novel; returns whether all succeeded."""
    definitions = build_definitions()
    instance.add_dynamic_partitions(NOVELS.name or "novels", novels)
    done = True
    for job in (INGEST_NOVELS, INGEST_PANELS):
        for novel in novels:
            run = definitions.resolve_job_def(job.name)
            result = run.execute_in_process(instance=instance, partition_key=novel, raise_on_error=False)
            done = done and result.success
    return done


def main() -> int:
    """Exit code 0 when everything was ingested."""
    novels = sys.argv[1:]
    wrong = [novel for novel in novels if not is_novel_slug(novel)]
    if wrong or not novels:
        print(f"Not the key of a novel: {', '.join(wrong) or 'nothing was named'}.", file=sys.stderr)  # noqa: T201
        return 2
    with dg.DagsterInstance.get() as instance:
        return 0 if ingest(novels, instance) else 1


if __name__ == "__main__":
    sys.exit(main())
