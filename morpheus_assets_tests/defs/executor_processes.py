"""Runs and workers for the tests of executors, in processes of their own that share Postgres, Redis and content only.

`python -m morpheus_assets_tests.defs.executor_processes worker` is a worker that is missed sooner than in a deployment;
`… run NOVEL…` executes one ingest after the other as the run's own process does, handing out its steps.
"""

import sys

import dagster as dg

from morpheus_assets.services import celery_broker

LEASE_SECONDS = 6


def ingest_novels() -> dg.JobDefinition:
    """The project's job, where a worker can find it by name."""
    from morpheus_assets.definitions import defs

    return defs.resolve_job_def("ingest_novels")


def main() -> None:
    """Be a worker, or execute runs; the exit code tells whether all succeeded."""
    # set before anything else reads them: the product's own take a minute
    celery_broker.LEASE_SECONDS, celery_broker.RESTORE_SECONDS = LEASE_SECONDS, 1
    what, *novels = sys.argv[1:]
    if what == "worker":
        from morpheus_assets.defs.celery_worker import main as work

        work()
        return
    # by its module's name, where a worker can find it
    from morpheus_assets_tests.defs import executor_processes

    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("novels", novels)
        for novel in novels:
            tags = {"dagster/partition": novel}
            with dg.execute_job(dg.reconstructable(executor_processes.ingest_novels), instance, tags=tags) as result:
                assert result.success, novel


if __name__ == "__main__":
    main()
