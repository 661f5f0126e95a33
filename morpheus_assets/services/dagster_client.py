"""Dagster through its GraphQL API: launch, look up and end runs and backfills.

No Dagster import: the webserver may be another machine's. The HTTP API's jobs are in api/routes/jobs.py.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import httpx

from morpheus_assets.services.backfills import BACKFILLS_AT_WORK, PARTITION_TAG, RANGE_END, RANGE_START, RUNS_AT_WORK
from morpheus_assets.services.running_parts import running_parts
from morpheus_assets.settings import Settings

REPOSITORY = "__repository__"
BACKFILL_TAG = "dagster/backfill"
FINISHED = frozenset({"SUCCESS", "FAILURE", "CANCELED", "COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED"})


class DagsterUnavailable(Exception):
    """The webserver does not answer; the message says where it was looked for."""


class DagsterRefused(Exception):
    """Dagster answered, and would not do it; the message is its own."""


class UnknownJob(Exception):
    """No run or backfill has this id."""


@dataclass(frozen=True)
class JobState:
    """A run or a backfill as Dagster sees it; `status` is Dagster's word, times are seconds since 1970.

    `counts` are the runs of a backfill by status; `novels` the partitions, where they can be read from tags.
    """

    id: str
    kind: str
    status: str
    job: str | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    error: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    novels: Sequence[str] = ()
    runs: Sequence[str] = ()

    @property
    def finished(self) -> bool:
        """True when it will not change any more."""
        return self.status in FINISHED


@dataclass(frozen=True)
class RunFailure:
    """A run that failed: when it ended, in seconds since 1970, and the reason.

    `novels` is the novel that its tags name, or the first and the last of several; empty where they name none.
    """

    run_id: str
    job: str
    ended: float | None
    novels: Sequence[str]
    error: str


class DagsterClient:
    """One webserver; keep it for the life of the process, or in an `async with`: it holds a connection pool."""

    def __init__(self, url: str, *, location: str = "morpheus_assets", timeout_seconds: float = 20.0) -> None:
        self._url = url.rstrip("/")
        self._selector = {"repositoryName": REPOSITORY, "repositoryLocationName": location}
        # reading the certificates takes longer than a question; redirections are not followed
        self._client = httpx.AsyncClient(timeout=timeout_seconds, verify=not self._url.startswith("http://"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def alive(self) -> bool:
        """True when the webserver answers."""
        try:
            return (await self._client.get(f"{self._url}/server_info", timeout=2.0)).is_success
        except httpx.HTTPError:
            return False

    async def last_heartbeat(self) -> float:
        """When the daemon last told that it works, in seconds since 1970; 0.0 when it never did."""
        statuses = (await self._ask(_HEARTBEATS, {}))["instance"]["daemonHealth"]["allDaemonStatuses"]
        return max((float(each["lastHeartbeatTime"] or 0) for each in statuses), default=0.0)

    async def code_server_answers(self) -> bool:
        """True when the code server behind the webserver plans a small job: the webserver alone keeps what it knew."""
        selector = {"pipelineName": "end_lost_runs", **self._selector}
        answer = (await self._ask(_PLAN, {"selector": selector}))["executionPlanOrError"]
        return bool(answer["__typename"] == "ExecutionPlan")

    async def last_failures(self, most: int) -> list[RunFailure]:
        """The runs that failed last and will not be tried again by Dagster itself, the newest first."""
        asked = {"statuses": ["FAILURE"], "limit": most * 3}
        runs = _expect((await self._ask(_FAILED_RUNS, asked))["runsOrError"], "Runs")["results"]
        found: list[RunFailure] = []
        for run in runs:
            tags = _as_mapping(run["tags"])
            if tags.get("dagster/will_retry") == "true" or len(found) == most:
                continue
            named = (tags[name] for name in (PARTITION_TAG, RANGE_START, RANGE_END) if name in tags)
            novels = list(dict.fromkeys(named))
            reason = await self._why_failed(run["runId"])
            found.append(RunFailure(run["runId"], run["jobName"], run["endTime"], novels, reason))
        return found

    async def launch_run(
        self, job: str, *, config: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None
    ) -> str:
        """Launch a job and return the run's id."""
        params = {
            "selector": {"jobName": job, **self._selector},
            "runConfigData": config or {},
            "executionMetadata": {"tags": _pairs(tags)},
        }
        answer = await self._ask(_LAUNCH_RUN, {"params": params})
        return str(_expect(answer["launchRun"], "LaunchRunSuccess")["run"]["runId"])

    async def launch_backfill(
        self, job: str, partitions: Sequence[str], *, title: str, tags: Mapping[str, str] | None = None
    ) -> str:
        """Launch the assets of a job for some partitions, many of them in one run, and return the backfill's id."""
        nodes = await self._ask(_ASSETS_OF_JOB, {"selector": {"pipelineName": job, **self._selector}})
        keys = [node["assetKey"]["path"] for node in nodes["assetNodes"]]
        if not keys:
            raise DagsterRefused(f"Dagster has no job {job!r} with assets; is its code location loaded?")
        return await self.launch_backfill_of(keys, partitions, title=title, tags=tags)

    async def launch_backfill_of(
        self,
        assets: Sequence[Sequence[str]],
        partitions: Sequence[str],
        *,
        title: str,
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Launch some assets (keys as paths) for some partitions and return the backfill's id."""
        params = {
            "assetSelection": [{"path": list(key)} for key in assets],
            "partitionNames": list(partitions),
            "title": title,
            "description": description,
            "tags": _pairs(tags),
        }
        answer = await self._ask(_LAUNCH_BACKFILL, {"params": params})
        return str(_expect(answer["launchPartitionBackfill"], "LaunchBackfillSuccess")["backfillId"])

    async def running_backfill(self, tags: Mapping[str, str]) -> str | None:
        """The id of a backfill with these tags that has not ended, or None."""
        answer = await self._ask(_RUNNING_BACKFILLS, {"statuses": BACKFILLS_AT_WORK})
        for each in _expect(answer["partitionBackfillsOrError"], "PartitionBackfills")["results"]:
            if tags.items() <= _as_mapping(each["tags"]).items():
                return str(each["id"])
        return None

    async def find_job(self, tags: Mapping[str, str]) -> str | None:
        """The id of the run or the backfill that was launched with these tags, however it ended; None for none."""
        runs = _expect((await self._ask(_TAGGED_RUNS, {"tags": _pairs(tags)}))["runsOrError"], "Runs")["results"]
        if runs:
            return str(_as_mapping(runs[0]["tags"]).get(BACKFILL_TAG, runs[0]["runId"]))
        # one that has no run yet
        return await self.running_backfill(tags)

    async def runs_at_work(self, *, page: int = 500) -> list[dict[str, str]]:
        """The tags of every run that waits or works, asked for `page` at a time."""
        found: list[dict[str, str]] = []
        last = None
        while True:
            # without a limit of ours a webserver may have its own, and a run that it leaves out is worked at twice
            asked = {"statuses": RUNS_AT_WORK, "cursor": last, "limit": page}
            runs = _expect((await self._ask(_RUN_TAGS, asked))["runsOrError"], "Runs")["results"]
            found += [_as_mapping(run["tags"]) for run in runs]
            if len(runs) < page:
                return found
            last = runs[-1]["runId"]

    async def partitions(self, asset: Sequence[str]) -> list[str]:
        """The partitions of an asset in creation order; raises DagsterRefused when Dagster does not know it."""
        node = (await self._ask(_PARTITIONS, {"key": {"path": list(asset)}}))["assetNodeOrError"]
        if node["__typename"] != "AssetNode":
            raise DagsterRefused(
                f"Dagster at {self._url} has no asset {'/'.join(asset)}: reload its code location, for the settings"
                " name a space that it does not know yet."
            )
        return list(node["partitionKeys"])

    async def delete_partitions(self, partition_set: str, keys: Sequence[str]) -> None:
        """Delete keys of a partition set, those that are there; what was recorded of them stays in the history."""
        answer = await self._ask(
            _DELETE_PARTITIONS, {"name": partition_set, "keys": list(keys), "repository": self._selector}
        )
        _expect(answer["deleteDynamicPartitions"], "DeleteDynamicPartitionsSuccess")

    async def state(self, job_id: str) -> JobState:
        """The present state of a run or a backfill. Raises UnknownJob."""
        return await (self._run(job_id) if _is_run(job_id) else self._backfill(job_id))

    async def cancel(self, job_id: str) -> None:
        """Ask a run or a backfill to end. Raises UnknownJob, or DagsterRefused when it cannot be ended."""
        if _is_run(job_id):
            answer = (await self._ask(_TERMINATE, {"id": job_id}))["terminateRun"]
            _expect(answer, "TerminateRunSuccess")
        else:
            answer = (await self._ask(_CANCEL, {"id": job_id}))["cancelPartitionBackfill"]
            _expect(answer, "CancelBackfillSuccess")

    async def set_pool_slots(self, pool: str, slots: int) -> None:
        """Set how many steps of a pool may run at a time, over all runs."""
        await self._ask(_SET_SLOTS, {"pool": pool, "slots": slots})

    async def _run(self, run_id: str) -> JobState:
        run = _expect((await self._ask(_RUN, {"id": run_id}))["runOrError"], "Run")
        tags = _as_mapping(run["tags"])
        error = await self._why_failed(run_id) if run["status"] == "FAILURE" else None
        novel = tags.get(PARTITION_TAG)
        return JobState(
            run_id, "run", run["status"], run["jobName"], run["creationTime"], run["startTime"], run["endTime"],
            error, novels=[novel] if novel else (), runs=[run_id],
        )  # fmt: skip

    async def _why_failed(self, run_id: str) -> str:
        events = (await self._ask(_FAILURES, {"id": run_id}))["logsForRun"].get("events") or []
        last = "The run failed; its log in the Dagster UI says why."
        for event in events:
            metadata = event.get("failureMetadata") or {}
            text = metadata.get("description") or _root_of(event.get("error")) or ""
            if event["__typename"] == "ExecutionStepFailureEvent" and text:
                return _first_sentences(text)
            if event["__typename"] == "RunFailureEvent" and (text or event.get("message")):
                last = _first_sentences(text or event["message"])
        return last

    async def _backfill(self, backfill_id: str) -> JobState:
        found = _expect((await self._ask(_BACKFILL, {"id": backfill_id}))["partitionBackfillOrError"],
                        "PartitionBackfill")  # fmt: skip
        runs = [run["runId"] for run in found["runs"]]
        failed = next((run["runId"] for run in found["runs"] if run["status"] == "FAILURE"), None)
        error = (found["error"] or {}).get("message") or (await self._why_failed(failed) if failed else None)
        counts = {row["runStatus"]: row["count"] for row in found["partitionStatusCounts"] if row["count"]}
        return JobState(
            backfill_id, "backfill", found["status"], None, found["timestamp"], found["timestamp"],
            found["endTimestamp"], error, counts, found["partitionNames"] or (), runs,
        )  # fmt: skip

    async def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._client.post(f"{self._url}/graphql", json={"query": query, "variables": variables})
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DagsterUnavailable(
                f"The Dagster webserver does not answer at {self._url} ({type(error).__name__}); start it with"
                " `morpheus up` or correct MORPHEUS_DAGSTER_URL."
            ) from None
        if body.get("errors") or not body.get("data"):
            message = (body.get("errors") or [{}])[0].get("message", "no reason given")
            raise DagsterRefused(f"Dagster refused the request: {_first_sentences(message)}")
        return dict(body["data"])


class WebserverBackfills:
    """The port of backfills.py through a webserver, for code that is not async; to be used in a `with`.

    `url` may be a function that finds it, called when Dagster is asked for the first time. Every method raises
    DagsterUnavailable or DagsterRefused.
    """

    def __init__(self, url: str | Callable[[], str]) -> None:
        self._url = url
        self._runner = asyncio.Runner()

    @cached_property
    def _client(self) -> DagsterClient:
        return DagsterClient(self._url if isinstance(self._url, str) else self._url())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._runner:
            if "_client" in self.__dict__:
                self._runner.run(self._client.close())

    def partitions(self, asset: Sequence[str]) -> Sequence[str]:
        """The partitions of an asset in creation order; raises DagsterRefused when Dagster does not know it."""
        return self._runner.run(self._client.partitions(asset))

    def running(self, tags: Mapping[str, str]) -> str | None:
        """The id of a backfill with these tags that has not ended, or None."""
        return self._runner.run(self._client.running_backfill(tags))

    def runs_at_work(self) -> Iterable[Mapping[str, str]]:
        """The tags of every run that waits or works."""
        return self._runner.run(self._client.runs_at_work())

    def launch(
        self,
        assets: Sequence[Sequence[str]],
        partitions: Sequence[str],
        *,
        title: str,
        description: str,
        tags: Mapping[str, str],
    ) -> str:
        """Launch some assets for some partitions and return the backfill's id."""
        return self._runner.run(
            self._client.launch_backfill_of(assets, partitions, title=title, description=description, tags=tags)
        )

    def launch_run(self, job: str, config: Mapping[str, Any]) -> str:
        """Launch a job with this run configuration and return the run's id."""
        return self._runner.run(self._client.launch_run(job, config=config))


def dagster_url(settings: Settings) -> str:
    """Where the Dagster webserver of this deployment answers, whatever its port.

    A MORPHEUS_DAGSTER_URL that was set wins. Its default is nobody's: another checkout may run there and would get
    the work. Raises DagsterUnavailable when nothing runs over the data folder.
    """
    if "dagster_url" in settings.model_fields_set:
        return settings.dagster_url
    running = running_parts(settings)
    if running is None:
        raise DagsterUnavailable(
            f"No Dagster runs over {settings.data_folder}: start it with `make up` (or `morpheus up`), or name its"
            " webserver in MORPHEUS_DAGSTER_URL."
        )
    return running.dagster_url


def set_pool_slots(url: str, pool: str, slots: int) -> None:
    """`DagsterClient.set_pool_slots` for code that is not async. Raises DagsterUnavailable or DagsterRefused."""

    async def work() -> None:
        async with DagsterClient(url) as client:
            await client.set_pool_slots(pool, slots)

    asyncio.run(work())


def last_heartbeat(url: str) -> float:
    """When the daemon behind a webserver last told that it works, in seconds since 1970; 0.0 when nobody says so."""

    async def work() -> float:
        async with DagsterClient(url, timeout_seconds=2.0) as client:
            try:
                return await client.last_heartbeat()
            except (DagsterRefused, DagsterUnavailable):
                return 0.0

    return asyncio.run(work())


def _is_run(job_id: str) -> bool:
    return len(job_id) == 36


def _pairs(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in (tags or {}).items()]


def _as_mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in tags}


def _expect(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    name = answer["__typename"]
    if name == kind:
        return answer
    faults = [fault.get("message", "") for fault in answer.get("errors") or []]
    message = answer.get("message") or "; ".join(faults) or name
    if name.endswith("NotFoundError"):
        raise UnknownJob(_first_sentences(message))
    raise DagsterRefused(f"Dagster refused the request: {_first_sentences(message)}")


def _first_sentences(text: str) -> str:
    kept = " ".join(text.strip().split("\n\nStack Trace")[0].split())
    return kept if len(kept) <= 500 else kept[:499] + "…"


def _root_of(error: Mapping[str, Any] | None) -> str:
    """What an error says that nobody foresaw: of a chain the last one, for Dagster wraps it into its own."""
    chain = [each["error"]["message"] for each in (error or {}).get("errorChain") or []]
    return str(next((said for said in reversed(chain) if said), (error or {}).get("message") or ""))


_HEARTBEATS = "{ instance { daemonHealth { allDaemonStatuses { lastHeartbeatTime } } } }"
_PLAN = """query($selector: PipelineSelector!) { executionPlanOrError(pipeline: $selector, mode: "default") {
  __typename } }"""
_LAUNCH_RUN = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on RunConfigValidationInvalid { errors { message } }
  ... on Error { message } } }"""
_LAUNCH_BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on Error { message } } }"""
_RUNNING_BACKFILLS = """query($statuses: [BulkActionStatus!]) {
  partitionBackfillsOrError(filters: {statuses: $statuses}) { __typename
  ... on PartitionBackfills { results { id tags { key value } } } ... on Error { message } } }"""
_RUN_TAGS = """query($statuses: [RunStatus!], $cursor: String, $limit: Int) {
  runsOrError(filter: {statuses: $statuses}, cursor: $cursor, limit: $limit) { __typename
  ... on Runs { results { runId tags { key value } } } ... on Error { message } } }"""
_FAILED_RUNS = """query($statuses: [RunStatus!], $limit: Int) {
  runsOrError(filter: {statuses: $statuses}, limit: $limit) { __typename
  ... on Runs { results { runId jobName endTime tags { key value } } } ... on Error { message } } }"""
_TAGGED_RUNS = """query($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}, limit: 1) { __typename
  ... on Runs { results { runId tags { key value } } } ... on Error { message } } }"""
_PARTITIONS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { __typename
  ... on AssetNode { partitionKeys } } }"""
_ASSETS_OF_JOB = """query($selector: PipelineSelector!) { assetNodes(pipeline: $selector) { assetKey { path } } }"""
_RUN = """query($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status jobName creationTime startTime
  endTime tags { key value } } ... on Error { message } } }"""
_FAILURES = """query($id: ID!) { logsForRun(runId: $id) { __typename ... on EventConnection { events { __typename
  ... on ExecutionStepFailureEvent {
    error { message errorChain { error { message } } } failureMetadata { description } }
  ... on RunFailureEvent { message error { message } } } } } }"""
_BACKFILL = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status timestamp endTimestamp partitionNames error { message }
    partitionStatusCounts { runStatus count } runs(limit: 1000) { runId status } } ... on Error { message } } }"""
_TERMINATE = """mutation($id: String!) { terminateRun(runId: $id) { __typename ... on TerminateRunFailure { message }
  ... on Error { message } } }"""
_CANCEL = """mutation($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename
  ... on Error { message } } }"""
_DELETE_PARTITIONS = """mutation($repository: RepositorySelector!, $name: String!, $keys: [String!]!) {
  deleteDynamicPartitions(repositorySelector: $repository, partitionsDefName: $name, partitionKeys: $keys) {
    __typename ... on Error { message } } }"""
_SET_SLOTS = """mutation($pool: String!, $slots: Int!) { setConcurrencyLimit(concurrencyKey: $pool, limit: $slots) }"""
