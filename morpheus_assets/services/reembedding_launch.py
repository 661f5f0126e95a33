"""From a plan to what Dagster is asked for: one backfill a space, its partitions, title and tags. Pure functions.

A backfill makes one run for each range of partitions that follow each other in the order of their creation.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.configured_spaces import ASSET_PREFIXES
from morpheus_assets.services.dagster_client import DagsterClient
from morpheus_assets.services.reembedding_plan import (
    NovelWork,
    Plan,
    SpacePlan,
    describe_space,
    total_price,
    whole_novels,
)
from morpheus_assets.store.accounts.reembeddings import Launch, record_launch

KIND_TAG, SPACE_TAG, REASON_TAG, FINGERPRINT_TAG = (
    "morpheus/kind", "morpheus/space", "morpheus/reason", "morpheus/fingerprint",
)  # fmt: skip
REEMBED = "reembed"
NOVELS_IN_A_RUN = 50
# A process costs some four seconds: scattered novels may take so many, then whole novels between them are taken along.
MOST_RUNS = 20
_LONGEST_TITLE = 100


@dataclass(frozen=True)
class Order:
    """One backfill to launch: `partitions` in creation order, of the asset of `space`."""

    space: Space
    reason: str
    partitions: tuple[str, ...]
    work: tuple[NovelWork, ...]
    title: str
    description: str

    @property
    def tags(self) -> dict[str, str]:
        """What the backfill and its runs are found by."""
        return {
            KIND_TAG: REEMBED,
            SPACE_TAG: self.space.key,
            FINGERPRINT_TAG: self.space.fingerprint[:16],
            REASON_TAG: self.reason,
        }

    def launched(self, backfill_id: str) -> Launch:
        """What to remember of it once it is launched."""
        return Launch(
            self.space.key,
            self.reason,
            backfill_id,
            len(self.work),
            sum(each.inputs for each in self.work),
            sum(each.tokens for each in self.work),
            total_price(self.work),
            datetime.now(UTC),
        )


def order_for(
    plan: SpacePlan,
    partitions: Sequence[str],
    *,
    whole: Collection[str] = (),
    busy: Collection[str] = (),
    description: str = "",
) -> Order | None:
    """What to launch for a plan; None when none of its novels may be, or is a partition.

    `partitions` are all that exist, in creation order; `whole` are novels that lack nothing in the space, `busy` those
    that a run is bringing in at this moment.
    """
    existing = set(partitions) - set(busy)
    work = tuple(each for each in plan.chosen if each.novel in existing)
    if not work:
        return None
    bridged = bridge([each.novel for each in work], partitions, whole)
    title = f"Re-embed {len(work)} novels in {plan.space.key}: {plan.reason.partition(',')[0]}"
    title = "".join(letter for letter in title if letter not in '%*"')
    if len(title) > _LONGEST_TITLE:
        title = title[: _LONGEST_TITLE - 1] + "…"
    return Order(plan.space, plan.reason, tuple(bridged), work, title, description)


def bridge(
    novels: Sequence[str], partitions: Sequence[str], whole: Collection[str], *, most_runs: int = MOST_RUNS
) -> list[str]:
    """The novels in creation order, with whole ones in between taken along where that saves runs.

    A whole novel costs no request, only an entry in its history. The shortest gaps are closed first, and none that
    holds a novel that is not whole.
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


def count_runs(novels: Collection[str], partitions: Sequence[str], *, novels_in_a_run: int = NOVELS_IN_A_RUN) -> int:
    """How many runs a backfill of these partitions makes."""
    runs = length = 0
    for partition in partitions:
        length = length + 1 if partition in novels else 0
        runs += length % novels_in_a_run == 1 or (length > 0 and novels_in_a_run == 1)
    return runs


def launch_plan(engine: Engine, url: str, plan: Plan, say: Callable[[str], None]) -> None:
    """Launch one backfill for each space of the plan.

    Raises DagsterUnavailable or DagsterRefused; what was launched by then goes on.
    """

    async def work() -> None:
        dagster = DagsterClient(url)
        try:
            for each in plan.spaces:
                say(await _launch(engine, dagster, each))
        finally:
            await dagster.close()

    asyncio.run(work())


async def _launch(engine: Engine, dagster: DagsterClient, plan: SpacePlan) -> str:
    key = [ASSET_PREFIXES[plan.space.purpose], plan.space.key]
    running = await dagster.running_backfill(SPACE_TAG, plan.space.key)
    if running:
        return f"{plan.space.key}: the backfill {running} is still running, so none is added."
    order = order_for(
        plan,
        await dagster.partitions(key),
        whole=whole_novels(engine, plan.space.purpose, [work.novel for work in plan.work]),
        description="\n".join(describe_space(plan)),
    )
    if order is None:
        return f"{plan.space.key}: tonight's budget is spent, or too small for any of {len(plan.work)} novels."
    backfill_id = await dagster.launch_backfill_of(
        [key], order.partitions, title=order.title, description=order.description, tags=order.tags
    )
    record_launch(engine, order.launched(backfill_id))
    return f"{order.title}: backfill {backfill_id}."
