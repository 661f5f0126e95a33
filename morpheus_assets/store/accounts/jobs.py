"""Results of the job `generate_embedding`, and what was to do when a job was launched over HTTP. All by job id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from morpheus_assets.store.database.transactions import Bind, transaction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ResultSummary:
    """A result without its vectors."""

    run_id: str
    space_key: str
    model: str
    input_type: str
    inputs: int
    dimensions: int
    total_tokens: int
    created_at: datetime


@dataclass(frozen=True)
class LaunchedJob:
    """A job as it was launched: how many inputs and tokens had a vector already, and the last spending then."""

    job_id: str
    kind: str
    novels: list[str]
    space_key: str | None
    done_before: int
    tokens_before: int
    spending_before: int
    created_at: datetime


@dataclass(frozen=True)
class Spent:
    """What runs have recorded as spent since a moment; `cost` in dollars."""

    tokens: int
    requests: int
    cost: float | None


def save_result(
    bind: Bind, run_id: str, *, space_key: str, model: str, input_type: str, total_tokens: int,
    embeddings: "NDArray[np.float32]",
) -> None:  # fmt: skip
    """Store the result of a run, in place of one that an earlier attempt had stored."""
    inputs, dimensions = embeddings.shape
    with transaction(bind) as connection:
        connection.execute(
            "INSERT INTO embedding_results (run_id, space_key, model, input_type, inputs, dimensions, total_tokens,"
            " embeddings) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_id) DO UPDATE SET"
            " space_key = excluded.space_key, model = excluded.model, input_type = excluded.input_type,"
            " inputs = excluded.inputs, dimensions = excluded.dimensions, total_tokens = excluded.total_tokens,"
            " embeddings = excluded.embeddings, created_at = now()",
            [run_id, space_key, model, input_type, inputs, dimensions, total_tokens,
             embeddings.astype("<f4").tobytes()],
        )  # fmt: skip


def result_summary(bind: Bind, run_id: str) -> ResultSummary | None:
    """A run's result without its vectors, None when there is none (yet)."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(ResultSummary)) as cursor:
        return cursor.execute(
            "SELECT run_id, space_key, model, input_type, inputs, dimensions, total_tokens, created_at"
            " FROM embedding_results WHERE run_id = %s",
            [run_id],
        ).fetchone()


def result_embeddings(bind: Bind, run_id: str) -> "NDArray[np.float32] | None":
    """A run's vectors, float32 [inputs, dimensions], None when there are none."""
    import numpy as np

    with transaction(bind) as connection, connection.cursor(binary=True) as cursor:
        row = cursor.execute(
            "SELECT embeddings, dimensions FROM embedding_results WHERE run_id = %s", [run_id]
        ).fetchone()
    return np.frombuffer(row[0], "<f4").reshape(-1, row[1]) if row else None


def save_job(
    bind: Bind, job_id: str, kind: str, *, novels: Sequence[str] = (), space_key: str | None = None,
    done_before: int = 0, tokens_before: int = 0, spending_before: int = 0,
) -> None:  # fmt: skip
    """Remember a job that was launched."""
    with transaction(bind) as connection:
        connection.execute(
            "INSERT INTO api_jobs (job_id, kind, novels, space_key, done_before, tokens_before, spending_before)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [job_id, kind, list(novels), space_key, done_before, tokens_before, spending_before],
        )


def find_job(bind: Bind, job_id: str) -> LaunchedJob | None:
    """A job launched over HTTP, None for any other."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(LaunchedJob)) as cursor:
        return cursor.execute(
            "SELECT job_id, kind, novels, space_key, done_before, tokens_before, spending_before, created_at"
            " FROM api_jobs WHERE job_id = %s",
            [job_id],
        ).fetchone()


def last_spending(bind: Bind) -> int:
    """The number of the newest spending."""
    with transaction(bind) as connection:
        row = connection.execute("SELECT coalesce(max(id), 0) FROM spending").fetchone()
    return int(row[0]) if row else 0


def spent_since(bind: Bind, space_key: str, novels: Sequence[str], after: int) -> Spent:
    """What was spent on some novels in a space after a spending of that number."""
    with transaction(bind) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(tokens), 0)::bigint, coalesce(sum(requests), 0)::bigint, sum(cost)::float8"
            " FROM spending WHERE space_key = %s AND novel = ANY(%s) AND id > %s",
            [space_key, list(novels), after],
        ).fetchone()
    return Spent(*(row or (0, 0, None)))


def present_tokens(bind: Bind, novels: Sequence[str]) -> int:
    """Tokens, by the chunker's own count, of the distinct passages of some novels."""
    with transaction(bind) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(token_count), 0)::bigint FROM (SELECT DISTINCT ON (content_hash) token_count"
            " FROM chunks c JOIN novels n ON n.id = c.novel_id WHERE n.novel = ANY(%s)) t",
            [list(novels)],
        ).fetchone()
    return int(row[0]) if row else 0


def keep_picture(bind: Bind, content_hash: bytes, file_name: str) -> None:
    """Mark a picture's vectors as wanted although it is no panel."""
    with transaction(bind) as connection:
        connection.execute(
            "INSERT INTO kept_pictures (content_hash, file_name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [content_hash, file_name],
        )


def delete_results(bind: Bind, *, older_than_days: int) -> int:
    """Delete results of that age; returns how many."""
    with transaction(bind) as connection:
        return connection.execute(
            "DELETE FROM embedding_results WHERE created_at < now() - make_interval(days => %s)", [older_than_days]
        ).rowcount
