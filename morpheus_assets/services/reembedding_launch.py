"""Launches what a plan of re-embedding chose, a backfill for each space: for the command line and the schedule alike.

What lacks what, and what it costs, is in reembedding_plan.py; the way to Dagster is the port of backfills.py. A launch
is recorded before it is made, so that a process that is killed in between spends no night's budget twice.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import Space
from morpheus_assets.services.asset_names import space_asset
from morpheus_assets.services.backfills import PARTITION_SET_TAG, Backfills, bridge, novels_of_runs
from morpheus_assets.services.configured_spaces import PARTITION_SETS
from morpheus_assets.services.dagster_client import DagsterRefused
from morpheus_assets.services.reembedding_plan import (
    A_NIGHT,
    NovelWork,
    Plan,
    SpacePlan,
    describe_space,
    total_price,
    whole_novels,
    why_unbounded,
)
from morpheus_assets.services.wording import counted
from morpheus_assets.store.accounts.reembeddings import (
    Launch,
    confirm_launch,
    launches_since,
    new_intention,
    record_launch,
    withdraw_launch,
)
from morpheus_assets.store.spaces.batch_jobs import BatchJob
from morpheus_assets.store.spaces.coverage import coverage
from morpheus_assets.store.spaces.spaces import list_spaces

KIND_TAG, SPACE_TAG, REASON_TAG, FINGERPRINT_TAG = (
    "morpheus/kind", "morpheus/space", "morpheus/reason", "morpheus/fingerprint",
)  # fmt: skip
LAUNCH_TAG = "morpheus/launch"
REEMBED = "reembed"
# A webserver that has not answered by a third of it will not launch any more.
SETTLED_AFTER = timedelta(minutes=1)
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
        """The tags of the backfill and of its runs."""
        return {
            KIND_TAG: REEMBED,
            SPACE_TAG: self.space.key,
            FINGERPRINT_TAG: self.space.fingerprint[:16],
            PARTITION_SET_TAG: PARTITION_SETS[self.space.purpose],
            REASON_TAG: self.reason,
        }

    def launched(self, intention: str) -> Launch:
        """The record of this order as launched now, under the name of an intention."""
        return Launch(
            self.space.key,
            self.reason,
            intention,
            len(self.work),
            sum(each.inputs for each in self.work),
            sum(each.tokens for each in self.work),
            total_price(self.work),
            datetime.now(UTC),
        )


def launch_plan(
    engine: Engine,
    dagster: Backfills,
    plan: Plan,
    submit: Callable[[SpacePlan], Iterable[str]] = lambda plan: (),
) -> Iterator[str]:
    """Launch one backfill for each space of `plan`, and record it; a sentence for each, once it is done.

    `submit` sends what goes by a batch API, and says what it sent.
    A space whose earlier backfill has not ended is left alone, so the same work is never asked for twice, and a novel
    that a run has at work is left to that run. Raises what `dagster` raises; what was launched by then goes on.
    """
    for each in plan.spaces:
        if each.by_batch and not each.unbounded:
            yield from submit(each)
        else:
            yield _launch(engine, dagster, each)


def go_over(engine: Engine, dagster: Backfills, plan: Plan, job: BatchJob, space: Space) -> str | None:
    """Launch a backfill over a batch job's novels: those that are whole now are recorded, the rest is sent.

    What is to be sent is bounded by `plan`, as every launch is. None where no novel of the job is a partition.
    """
    mine = next((each for each in plan.spaces if each.space.key == space.key), None)
    asset = space_asset(space)
    partitions = dagster.partitions(asset)
    lacking = {each.novel for each in mine.work} if mine else set()
    chosen = [each for each in mine.chosen if each.novel in job.novels] if mine and not mine.unbounded else []
    wanted = {novel for novel in job.novels if novel not in lacking} | {each.novel for each in chosen}
    novels = tuple(novel for novel in partitions if novel in wanted)
    if not novels:
        return None
    order = Order(
        space, f"after the batch job {job.job}", novels, tuple(chosen),
        f"After a batch job in {space.key}: {len(novels)} novels", job.outcome,
    )  # fmt: skip
    return _record_and_launch(engine, dagster, asset, order)


def follow_plan(engine: Engine, dagster: Backfills, plan: Plan, *, seconds: float = 2.0) -> Iterator[int]:
    """Look every so many seconds until the backfills of a plan have ended; how many inputs were embedded since."""
    before = _missing(engine, plan)
    at_work = True
    while at_work:
        at_work = any(dagster.running({SPACE_TAG: each.space.key}) for each in plan.spaces)
        if at_work:
            time.sleep(seconds)
        now = _missing(engine, plan)
        yield max(0, sum(before.values()) - sum(now.values()))
        before = now


def what_is_left(engine: Engine, plan: Plan) -> Iterator[str]:
    """A sentence for each space of a plan on what it lacks now."""
    for key, missing in _missing(engine, plan).items():
        left = (
            f"{counted(missing, 'input is', 'inputs are')} left to another night or to batch jobs"
            if missing
            else "all is embedded"
        )
        yield f"{key}: {left}."


def _missing(engine: Engine, plan: Plan) -> dict[str, int]:
    stored = {row.key: row for row in list_spaces(engine)}
    return {
        each.space.key: coverage(engine, stored[each.space.key]).missing
        if each.space.key in stored
        else sum(work.inputs for work in each.work)
        for each in plan.spaces
    }


def settle_launches(
    engine: Engine, launched: Callable[[Mapping[str, str]], str | None], *, now: datetime | None = None
) -> float:
    """Find out what became of launches whose process ended before it had recorded the answer.

    `launched` gives the id of the backfill with some tags, or None. What was never launched takes nothing from the
    night's budget any more. Returns the seconds after which the youngest can be settled, 0 when none is left.
    """
    now = now or datetime.now(UTC)
    left = 0.0
    for launch in launches_since(engine, now - A_NIGHT):
        if not launch.intended:
            continue
        backfill_id = launched({LAUNCH_TAG: launch.backfill_id})
        age = now - launch.launched_at
        if backfill_id:
            confirm_launch(engine, launch.backfill_id, backfill_id)
        elif age >= SETTLED_AFTER:
            withdraw_launch(engine, launch.backfill_id)
        else:
            left = max(left, (SETTLED_AFTER - age).total_seconds())
    return left


def order_for(
    plan: SpacePlan,
    partitions: Sequence[str],
    *,
    whole: Collection[str] = (),
    busy: Collection[str] = (),
    description: str = "",
) -> Order | None:
    """The backfill of a plan; None when none of the chosen novels is free, or is a partition.

    `partitions` are all that exist, in creation order; `whole` are novels that lack nothing in the space, `busy` those
    that a run has at work.
    """
    free = set(partitions) - set(busy)
    work = tuple(each for each in plan.chosen if each.novel in free)
    if not work:
        return None
    bridged = bridge([each.novel for each in work], partitions, set(whole) - set(busy), most_runs=MOST_RUNS)
    title = f"Re-embed {len(work)} novels in {plan.space.key}: {plan.reason.partition(',')[0]}"
    title = "".join(letter for letter in title if letter not in '%*"')
    if len(title) > _LONGEST_TITLE:
        title = title[: _LONGEST_TITLE - 1] + "…"
    return Order(plan.space, plan.reason, tuple(bridged), work, title, description)


def _launch(engine: Engine, dagster: Backfills, plan: SpacePlan) -> str:
    key = plan.space.key
    if plan.unbounded:
        return f"{key}: {why_unbounded(plan)}"
    running = dagster.running({SPACE_TAG: key})
    if running:
        return f"{key}: the backfill {running} is still running, so none is added."
    asset = space_asset(plan.space)
    partitions = dagster.partitions(asset)
    order = order_for(
        plan,
        partitions,
        whole=whole_novels(engine, plan.space.purpose, [work.novel for work in plan.work]),
        busy=novels_of_runs(dagster.runs_at_work(), partitions, PARTITION_SETS[plan.space.purpose]),
        description="\n".join(describe_space(plan)),
    )
    if order is None:
        return f"{key}: {len(plan.work)} novels lack vectors, {_why_none(plan)}"
    return _record_and_launch(engine, dagster, asset, order)


def _record_and_launch(engine: Engine, dagster: Backfills, asset: Sequence[str], order: Order) -> str:
    intention = new_intention()
    record_launch(engine, order.launched(intention))
    try:
        backfill_id = dagster.launch(
            [asset],
            order.partitions,
            title=order.title,
            description=order.description,
            tags={**order.tags, LAUNCH_TAG: intention},
        )
    except DagsterRefused:
        withdraw_launch(engine, intention)
        raise
    confirm_launch(engine, intention, backfill_id)
    return f"{order.title}: backfill {backfill_id}."


def _why_none(plan: SpacePlan) -> str:
    if not plan.chosen:
        return "and what is left of tonight's budget allows none of them."
    return "but those that tonight's budget allows are at work in runs, or no partitions of Dagster's yet."
