"""What a person at a backfill's page sees, and what its runs cost Dagster's database."""

import time
from collections.abc import Callable
from typing import Any

from bench.running_project import FINISHED, RunningProject, until

EMBEDDED = "text_embeddings/openai-3-small-256"


class Watch:
    """Follows a backfill's page until it has ended: what it showed, and when."""

    def __init__(self, project: RunningProject, backfill_id: str) -> None:
        self.project = project
        self.backfill_id = backfill_id
        self.started = time.monotonic()
        self.seen: list[tuple[float, dict[str, Any]]] = []

    def look(self) -> dict[str, Any]:
        """One look at the page."""
        found = self.project.backfill(self.backfill_id)
        self.seen.append((time.monotonic() - self.started, found))
        return found

    def until_ended(self, seconds: float, also: Callable[[dict[str, Any]], bool] = lambda _: False) -> float:
        """Look every two seconds until it has ended, or `also` says stop; seconds since the launch."""
        until(lambda: (lambda page: page["status"] in FINISHED or also(page))(self.look()), seconds, "its end", 2.0)
        return self.seen[-1][0]

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """(targeted, materialized, failed) by asset, on the last look."""
        return {
            asset: (row["numPartitionsTargeted"], row["numPartitionsMaterialized"], row["numPartitionsFailed"])
            for asset, row in self.seen[-1][1]["assets"].items()
        }

    def progress(self) -> str:
        """How many novels the page showed as done at which second, a few of its steps."""
        steps: list[tuple[float, int, int]] = []
        for second, page in self.seen:
            first, last = (
                page["assets"].get(name, {}).get("numPartitionsMaterialized", 0) for name in ("novels", EMBEDDED)
            )
            if not steps or (first, last) != steps[-1][1:]:
                steps.append((second, first, last))
        shown = steps[:: max(1, len(steps) // 8)]
        return f"{len(steps)} steps: " + ", ".join(f"{second:.0f} s {first}/{last}" for second, first, last in shown)

    def runs(self) -> str:
        """How many runs it made, by status."""
        rows = self.project.dagster_rows(
            "SELECT r.status, count(*) FROM runs r JOIN run_tags t ON t.run_id = r.run_id"
            " WHERE t.key = 'dagster/backfill' AND t.value = %s GROUP BY 1 ORDER BY 1",
            [self.backfill_id],
        )
        return ", ".join(f"{count} {status}" for status, count in rows)

    def at_work(self) -> float:
        """Seconds from the first of its runs being queued to the end of the last.

        Dagster looks at backfills every 30 s: so long the first run, and then the page's end, may be in coming.
        """
        [[seconds]] = self.project.dagster_rows(
            "SELECT max(r.end_time) - min(extract(epoch FROM r.create_timestamp AT TIME ZONE 'UTC')) FROM runs r"
            " JOIN run_tags t ON t.run_id = r.run_id WHERE t.key = 'dagster/backfill' AND t.value = %s",
            [self.backfill_id],
        )
        return float(seconds)

    def events(self) -> dict[str, int]:
        """How many events its runs wrote, by type."""
        rows = self.project.dagster_rows(
            "SELECT coalesce(e.dagster_event_type, 'log line'), count(*) FROM event_logs e"
            " JOIN run_tags t ON t.run_id = e.run_id WHERE t.key = 'dagster/backfill' AND t.value = %s"
            " GROUP BY 1 ORDER BY 2 DESC",
            [self.backfill_id],
        )
        return dict(rows)
