"""The state of a deployment at a glance, for `morpheus status`: what runs, answers, is missing, and failed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from morpheus_assets.services.configured_spaces import PURPOSES
from morpheus_assets.services.dagster_client import (
    DagsterClient,
    DagsterRefused,
    DagsterUnavailable,
    RunFailure,
    dagster_url,
)
from morpheus_assets.services.running_parts import running_parts
from morpheus_assets.services.space_lifecycle import ListedSpace, listed_spaces
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.spending import spending_totals
from morpheus_assets.store.content.novels import list_novels

_LAST_FAILURES = 5
# Dagster of another machine may be away, and a person waits for the rest.
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class SpaceStatus:
    """A space that answers searches or will: `missing` inputs lack a vector, `refused` ones are not asked for again."""

    key: str
    purpose: str
    state: str
    since: datetime | None
    needed: int
    missing: int
    refused: int


@dataclass(frozen=True)
class Status:
    """A deployment now; `parts` is empty where no `morpheus up` runs over the data folder.

    Spending is today's, by UTC; `spent_cost` is in US dollars, None when no price was known for any of it.
    """

    database: str
    dagster: str | None
    api: str | None
    parts: Mapping[str, str]
    novels: int
    refused_novels: Mapping[str, str]
    spaces: Sequence[SpaceStatus]
    spent_tokens: int
    spent_cost: float | None
    uncertain_tokens: int
    failures: Sequence[RunFailure] | None

    def as_json(self) -> dict[str, Any]:
        """For machines: times are ISO 8601."""
        return {
            **asdict(self),
            "parts": dict(self.parts),
            "refused_novels": dict(self.refused_novels),
            "spaces": [{**asdict(each), "since": each.since and each.since.isoformat()} for each in self.spaces],
        }


def read_status(engine: Engine, settings: Settings) -> Status:
    """Ask the database, the processes of this machine, and Dagster where it runs."""
    running = running_parts(settings)
    try:
        url: str | None = dagster_url(settings)
        failures = asyncio.run(_last_failures(str(url)))
    except (DagsterRefused, DagsterUnavailable):
        url, failures = (running.dagster_url if running else None), None
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spent = spending_totals(engine, since=midnight)
    costs = [float(total.cost) for total in spent if total.cost is not None]
    novels = list_novels(engine)
    return Status(
        database=place_of(engine, settings),
        dagster=url,
        api=running.api_url if running else None,
        parts=running.states if running else {},
        novels=len(novels),
        refused_novels={each.novel: each.refused_reason for each in novels if each.refused_reason},
        spaces=[_space(each) for each in listed_spaces(engine, settings) if each.place or each.row.state == "active"],
        spent_tokens=sum(total.tokens for total in spent),
        spent_cost=sum(costs) if costs else None,
        uncertain_tokens=sum(total.uncertain_tokens for total in spent),
        failures=failures,
    )


def place_of(engine: Engine, settings: Settings) -> str:
    """Where the database is, without a password."""
    if settings.database_url is None:
        return f"embedded Postgres in {settings.data_folder}"
    url = engine.url
    return f"{url.username or ''}@{url.host or url.query.get('host', 'local socket')}:{url.port or 5432}/{url.database}"


def describe_status(status: Status) -> str:
    """For a person."""
    lines = [f"database    {status.database}"]
    if status.parts:
        lines += [f"running     {', '.join(f'{name} {state}' for name, state in status.parts.items())}"]
    else:
        lines += ["running     no `morpheus up` over this data folder"]
    lines += [f"Dagster UI  {status.dagster}"] if status.dagster else []
    lines += [f"search      {status.api}/"] if status.api else []
    lines += [f"novels      {status.novels:,}"]
    for purpose in PURPOSES:
        lines += _describe_spaces(purpose, [each for each in status.spaces if each.purpose == purpose])
    cost = "at unknown price" if status.spent_cost is None else f"${status.spent_cost:,.4f}"
    spent = f"{status.spent_tokens:,} tokens, {cost}" if status.spent_tokens else "nothing"
    if status.uncertain_tokens:
        spent += f"; perhaps {status.uncertain_tokens:,} tokens more, for requests without an answer in time"
    lines += [f"today       {spent} spent"]
    lines += [f"refused     {novel}: {reason}" for novel, reason in sorted(status.refused_novels.items())]
    if status.failures is None:
        lines += ["failed      Dagster does not run here, so its last failures are not known"]
    else:
        lines += [f"failed      {_describe_failure(each)}" for each in status.failures] or ["failed      no run lately"]
    return "\n".join(lines)


def ingest_progress(engine: Engine, settings: Settings) -> tuple[int, int]:
    """How many of the inputs that the configured spaces need are there or refused, and how many they are."""
    spaces = [each.covered for each in listed_spaces(engine, settings) if each.place]
    needed = sum(each.needed for each in spaces)
    return needed - sum(each.missing for each in spaces), needed


def _describe_spaces(purpose: str, spaces: Sequence[SpaceStatus]) -> list[str]:
    name = f"{'passages' if purpose == 'text' else 'panels':12}"
    lines = []
    for each in spaces:
        answers = "answers" if each.state == "active" else each.state
        since = f" since {each.since:%Y-%m-%d %H:%M}" if each.state == "active" and each.since else ""
        missing = f"{each.missing:,} of {each.needed:,} missing" if each.missing else f"all {each.needed:,} embedded"
        refused = f", {each.refused:,} refused (`morpheus refused`)" if each.refused else ""
        lines.append(f"{name}{each.key} {answers}{since}: {missing}{refused}")
    return lines or [f"{name}no space is stored yet"]


def _describe_failure(failure: RunFailure) -> str:
    when = f"{datetime.fromtimestamp(failure.ended, UTC):%Y-%m-%d %H:%M} " if failure.ended else ""
    novels = f" of {' to '.join(failure.novels)}" if failure.novels else ""
    # Dagster's own name for what was materialized from its UI, or by an automation condition
    job = "a materialization" if failure.job.startswith("__ASSET_JOB") else failure.job
    return f"{when}{job}{novels}: {failure.error}"


def _space(listed: ListedSpace) -> SpaceStatus:
    row, covered = listed.row, listed.covered
    return SpaceStatus(
        row.key, row.purpose, row.state, row.activated_at, covered.needed, covered.missing, covered.refused
    )


async def _last_failures(url: str) -> list[RunFailure]:
    async with DagsterClient(url, timeout_seconds=_ANSWER_SECONDS) as client:
        return await client.last_failures(_LAST_FAILURES)
