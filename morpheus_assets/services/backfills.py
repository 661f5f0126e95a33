"""Backfills over novels: the port through which one is launched, which novels runs have at work, and shared runs.

Answered by Dagster in its own process (defs/backfills.py) or through its webserver (services/dagster_client.py).
A backfill makes one run for each range of partitions that follow each other in the order of their creation.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

# Dagster's own names for what a run is over, and for runs and backfills that have not ended.
PARTITION_TAG = "dagster/partition"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
# Our tag on jobs and backfills: which of the partition sets they are over.
PARTITION_SET_TAG = "morpheus/partitions"
RUNS_AT_WORK = ("NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING")
BACKFILLS_AT_WORK = ("REQUESTED", "CANCELING", "FAILING")


class Backfills(Protocol):
    """Dagster, as far as launching a backfill needs it; assets are keys as paths."""

    def partitions(self, asset: Sequence[str]) -> Sequence[str]:
        """The novels that are partitions of an asset, which lie in its partition set, in the order of creation."""
        ...

    def running(self, tags: Mapping[str, str]) -> str | None:
        """The id of a backfill with these tags that has not ended, or None."""
        ...

    def runs_at_work(self) -> Iterable[Mapping[str, str]]:
        """The tags of every run that waits or works."""
        ...

    def launch(
        self,
        assets: Sequence[Sequence[str]],
        partitions: Sequence[str],
        *,
        title: str,
        description: str,
        tags: Mapping[str, str],
    ) -> str:
        """Ask for some assets to be materialized for some partitions; returns the backfill's id."""
        ...


def novels_of_runs(
    runs: Iterable[Mapping[str, str]], partitions: Sequence[str], partition_set: str | None = None
) -> set[str]:
    """The novels of some runs, each one partition or a range of neighbours; `partitions` in the order of creation.

    A run that says that it is over another set than `partition_set` counts for none, nor does one whose first or last
    novel has been deleted since.
    """
    place = {novel: index for index, novel in enumerate(partitions)}
    novels: set[str] = set()
    for tags in runs:
        if partition_set and tags.get(PARTITION_SET_TAG, partition_set) != partition_set:
            continue
        single = tags.get(PARTITION_TAG)
        first, last = tags.get(RANGE_START, single), tags.get(RANGE_END, single)
        if first in place and last in place:
            novels.update(partitions[place[first] : place[last] + 1])
    return novels


def bridge(novels: Sequence[str], partitions: Sequence[str], whole: Collection[str], *, most_runs: int) -> list[str]:
    """The novels in creation order, with whole ones in between taken along where that saves runs.

    A whole novel costs no request, only an entry in its history. The shortest gaps are closed first, and none that
    holds a novel that is not whole; more than `most_runs` runs remain where too few gaps can be closed.
    """
    place = {novel: index for index, novel in enumerate(partitions)}
    taken = sorted({place[novel] for novel in novels})
    gaps = [(after - before, before, after) for before, after in pairwise(taken) if after > before + 1]
    bridgeable = sorted(
        gap for gap in gaps if all(partitions[between] in whole for between in range(gap[1] + 1, gap[2]))
    )
    filled = set(taken)
    for _, before, after in bridgeable[: max(0, len(gaps) + 1 - most_runs)]:
        filled.update(range(before, after))
    return [partitions[index] for index in sorted(filled)]
