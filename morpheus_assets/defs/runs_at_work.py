"""The runs that have not ended."""

from collections.abc import Mapping, Sequence

import dagster as dg

from morpheus_assets.services.backfills import RUNS_AT_WORK

_STATUSES = [dg.DagsterRunStatus(status) for status in RUNS_AT_WORK]


def runs_at_work(
    instance: dg.DagsterInstance,
    *,
    job: str | None = None,
    tags: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> Sequence[dg.DagsterRun]:
    """Those that wait, start, work or are being cancelled, the newest first: all, or of a job, or with some tags."""
    return instance.get_runs(dg.RunsFilter(job_name=job, statuses=_STATUSES, tags=tags), limit=limit)
