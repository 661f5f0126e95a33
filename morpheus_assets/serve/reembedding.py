"""Launches a plan of re-embedding from outside Dagster, through the GraphQL API of its webserver."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from sqlalchemy import Engine

from morpheus_assets.reembedding_orders import SPACE_TAG, Order, order_for
from morpheus_assets.reembedding_plan import Plan, whole_novels
from morpheus_assets.reembedding_report import describe_space
from morpheus_assets.standing_spaces import ASSET_PREFIXES
from morpheus_assets.store.reembedding import record_launch

PATIENCE_SECONDS = 30.0


class LaunchFailed(Exception):
    """Dagster cannot be reached or will not launch; the message says what to do."""


class Backfills:
    """The backfills of one Dagster webserver."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def partitions(self, key: Sequence[str]) -> list[str]:
        """The partitions of an asset in creation order; raises LaunchFailed when Dagster does not know it."""
        node = self._ask(_PARTITIONS, {"key": {"path": list(key)}})["assetNodeOrError"]
        if node["__typename"] != "AssetNode":
            raise LaunchFailed(
                f"Dagster at {self._url} has no asset {'/'.join(key)}: reload its code location, for the settings name"
                " a space that it does not know yet."
            )
        return list(node["partitionKeys"])

    def running(self, space_key: str) -> str | None:
        """The id of a backfill for a space that has not ended."""
        found = self._ask(_RUNNING, {})["partitionBackfillsOrError"]
        for each in found.get("results", []):
            if {"key": SPACE_TAG, "value": space_key} in each["tags"]:
                return str(each["id"])
        return None

    def launch(self, key: Sequence[str], order: Order) -> str:
        """Launch an order for the asset `key` and return the backfill's id."""
        params = {
            "assetSelection": [{"path": list(key)}],
            "partitionNames": list(order.partitions),
            "title": order.title,
            "description": order.description,
            "tags": [{"key": name, "value": value} for name, value in order.tags.items()],
        }
        answer = self._ask(_LAUNCH, {"params": params})["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            raise LaunchFailed(f"Dagster would not launch it: {answer.get('message') or answer['__typename']}.")
        return str(answer["backfillId"])

    def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = httpx.post(
                f"{self._url}/graphql", json={"query": query, "variables": variables}, timeout=PATIENCE_SECONDS
            )
            body = answer.json()
        except (httpx.HTTPError, ValueError):
            raise LaunchFailed(
                f"Nothing was launched: Dagster does not answer at {self._url}; start it with `morpheus up`, correct"
                " MORPHEUS_DAGSTER_URL, or leave it to the schedule reembed_on_model_change."
            ) from None
        if not body.get("data"):
            message = (body.get("errors") or [{}])[0].get("message", "no reason given")
            raise LaunchFailed(f"Dagster refused the request: {' '.join(message.split())[:300]}")
        return dict(body["data"])


def launch_plan(engine: Engine, url: str, plan: Plan, say: Callable[[str], None]) -> None:
    """Launch one backfill for each space of the plan. Raises LaunchFailed; what was launched by then goes on."""
    dagster = Backfills(url)
    for each in plan.spaces:
        key = [ASSET_PREFIXES[each.space.purpose], each.space.key]
        running = dagster.running(each.space.key)
        if running:
            say(f"{each.space.key}: the backfill {running} is still running, so none is added.")
            continue
        order = order_for(
            each,
            dagster.partitions(key),
            whole=whole_novels(engine, each.space.purpose, [work.novel for work in each.work]),
            description="\n".join(describe_space(each)),
        )
        if order is None:
            say(f"{each.space.key}: tonight's budget is spent, or too small for any of {len(each.work)} novels.")
            continue
        backfill_id = dagster.launch(key, order)
        record_launch(engine, order.launched(backfill_id))
        say(f"{order.title}: backfill {backfill_id}.")


_PARTITIONS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { __typename
  ... on AssetNode { partitionKeys } } }"""
_RUNNING = """{ partitionBackfillsOrError(filters: {statuses: [REQUESTED, CANCELING, FAILING]}) { __typename
  ... on PartitionBackfills { results { id tags { key value } } } } }"""
_LAUNCH = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on Error { message } } }"""
