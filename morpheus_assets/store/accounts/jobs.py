"""Jobs of the HTTP API by their id: what was to do at the launch, their texts, and what `generate_embedding` made."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, transaction

queries = load_queries(__file__)

# Longer than any run waits for its turn, and than a person takes to try a failed one again.
INPUTS_KEPT_HOURS = 48

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


def save_result(
    bind: Bind, run_id: str, *, space_key: str, model: str, input_type: str, total_tokens: int,
    embeddings: "NDArray[np.float32]",
) -> None:  # fmt: skip
    """Store the result of a run, in place of one that an earlier attempt had stored."""
    inputs, dimensions = embeddings.shape
    with transaction(bind) as connection:
        connection.execute(
            queries.save_result,
            {
                "run_id": run_id, "space_key": space_key, "model": model, "input_type": input_type, "inputs": inputs,
                "dimensions": dimensions, "total_tokens": total_tokens,
                "embeddings": embeddings.astype("<f4").tobytes(),
            },
        )  # fmt: skip


def result_summary(bind: Bind, run_id: str) -> ResultSummary | None:
    """A run's result without its vectors, None when there is none (yet)."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(ResultSummary)) as cursor:
        return cursor.execute(queries.result_summary, {"run_id": run_id}).fetchone()


def result_embeddings(bind: Bind, run_id: str) -> "NDArray[np.float32] | None":
    """A run's vectors, float32 [inputs, dimensions], None when there are none."""
    import numpy as np

    with transaction(bind) as connection, connection.cursor(binary=True) as cursor:
        row = cursor.execute(queries.result_embeddings, {"run_id": run_id}).fetchone()
    return np.frombuffer(row[0], "<f4").reshape(-1, row[1]) if row else None


def save_job(
    bind: Bind, job_id: str, kind: str, *, novels: Sequence[str] = (), space_key: str | None = None,
    done_before: int = 0, tokens_before: int = 0, spending_before: int = 0,
) -> None:  # fmt: skip
    """Remember a job that was launched."""
    with transaction(bind) as connection:
        connection.execute(
            queries.save_job,
            {
                "job_id": job_id, "kind": kind, "novels": list(novels), "space_key": space_key,
                "done_before": done_before, "tokens_before": tokens_before, "spending_before": spending_before,
            },
        )  # fmt: skip


def find_job(bind: Bind, job_id: str) -> LaunchedJob | None:
    """A job launched over HTTP, None for any other."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(LaunchedJob)) as cursor:
        return cursor.execute(queries.find_job, {"job_id": job_id}).fetchone()


def list_jobs(bind: Bind, *, limit: int, before: str | None = None) -> list[LaunchedJob]:
    """Jobs launched over HTTP, the latest first, from behind the job `before`; none for an unknown one."""
    with transaction(bind) as connection, connection.cursor(row_factory=class_row(LaunchedJob)) as cursor:
        return cursor.execute(queries.list_jobs, {"limit": limit, "before": before}).fetchall()


def delete_results(bind: Bind, *, older_than_days: int) -> int:
    """Delete results of that age; returns how many."""
    with transaction(bind) as connection:
        return connection.execute(queries.delete_results, {"days": older_than_days}).rowcount


def keep_inputs(bind: Bind, inputs: Sequence[str]) -> str:
    """Keep the texts of a job for two days; the reference by which its run finds them."""
    reference = uuid.uuid4().hex
    with transaction(bind) as connection:
        connection.execute(queries.forget_expired_inputs)
        wanted = {"reference": reference, "inputs": list(inputs), "hours": INPUTS_KEPT_HOURS}
        connection.execute(queries.keep_inputs, wanted)
    return reference


def read_inputs(bind: Bind, reference: str) -> list[str] | None:
    """The texts of a job, None when they have expired or were deleted."""
    with transaction(bind) as connection:
        row = connection.execute(queries.read_inputs, {"reference": reference}).fetchone()
    return list(row[0]) if row else None


def delete_inputs(bind: Bind, reference: str) -> None:
    """Delete the texts of a job that is done, and those of others that have expired."""
    with transaction(bind) as connection:
        connection.execute(queries.delete_inputs, {"reference": reference})
        connection.execute(queries.forget_expired_inputs)
