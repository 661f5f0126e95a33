"""Jobs of the providers' batch APIs, and the inputs that belong to each until its answers are stored.

States: preparing (nothing is sent), submitting (its acceptance is not known yet), submitted, collected (what it brought
is stored), ended. Each change of state is one statement, so a process may be killed between any two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from psycopg.rows import class_row
from sqlalchemy import Connection, Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.store.accounts.reembeddings import Launch, amend_launch, record_launch, withdraw_launch
from morpheus_assets.store.database.statements import load_queries
from morpheus_assets.store.database.transactions import Bind, autocommit, transaction
from morpheus_assets.store.spaces.vectors import write_batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

queries = load_queries(__file__)


@dataclass(frozen=True)
class BatchJob:
    """One job: `token` is our name for it, `job` the provider's; `tokens` and `cost` (US dollars) as planned."""

    id: int
    space_key: str
    token: str
    state: str
    reason: str
    novels: list[str]
    inputs: int
    tokens: int
    cost: Decimal | None
    input_file: str | None
    job: str | None
    created_at: datetime
    submitted_at: datetime | None
    deadline: datetime | None
    cancelled_at: datetime | None
    stored: int
    outcome: str
    ended_at: datetime | None

    @property
    def launch_name(self) -> str:
        """Its name among the launches that a night's budget counts."""
        return f"batch-{self.token}"

    @property
    def tokens_per_input(self) -> int:
        """The tokens of an input, on average, as planned; at least 1."""
        return max(1, round(self.tokens / self.inputs)) if self.inputs else 1


def add_batch_job(bind: Bind, space: SpaceRow, token: str, reason: str) -> BatchJob:
    """Store a job of which nothing is sent yet."""
    with autocommit(bind) as connection:
        row = connection.execute(
            queries.add_batch_job, {"space": space.id, "token": token, "reason": reason}
        ).fetchone()
    assert row is not None
    return get_batch_job(bind, int(row[0]))


def get_batch_job(bind: Bind, number: int) -> BatchJob:
    """The job of that number; raises LookupError."""
    found = _jobs(bind, ended=True, job=number, limit=1)
    if not found:
        raise LookupError(f"No batch job has the number {number}.")
    return found[0]


def open_batch_jobs(bind: Bind) -> list[BatchJob]:
    """The jobs that have not ended, the oldest first."""
    return _jobs(bind, ended=False, job=None, limit=None)[::-1]


def latest_batch_jobs(bind: Bind, most: int = 20) -> list[BatchJob]:
    """The newest jobs, ended ones too, the newest first."""
    return _jobs(bind, ended=True, job=None, limit=most)


def add_inputs(bind: Bind, space: SpaceRow, job: BatchJob, hashes: Sequence[bytes]) -> None:
    """Let some inputs belong to a job; the caller holds the claims on them."""
    with autocommit(bind) as connection:
        connection.execute(queries.add_batched_inputs, {"space": space.id, "job": job.id, "hashes": list(hashes)})


def begin_submitting(
    engine: Engine, job: BatchJob, input_file: str, launch: Launch, novels: Sequence[str], hours: int
) -> None:
    """Note that a job is about to be asked for, and take its price from the night's budget."""
    with engine.begin() as connection:
        with transaction(connection) as raw:
            raw.execute(
                queries.begin_submitting,
                {
                    "job": job.id, "input_file": input_file, "novels": list(novels), "inputs": launch.inputs,
                    "tokens": launch.tokens, "cost": launch.cost, "hours": hours,
                },
            )  # fmt: skip
        record_launch(connection, launch)


def record_submitted(bind: Bind, job: BatchJob, accepted: str) -> None:
    """Store the provider's id of a job that it accepted."""
    with autocommit(bind) as connection:
        connection.execute(queries.record_submitted, {"job": job.id, "accepted": accepted})


def record_cancelled(bind: Bind, job: BatchJob) -> None:
    """Note that a person asked the provider to cancel a job."""
    with autocommit(bind) as connection:
        connection.execute(queries.record_cancelled, {"job": job.id})


def hashes_of(bind: Bind, job: BatchJob) -> set[bytes]:
    """The inputs that still belong to a job."""
    with autocommit(bind) as connection:
        return {bytes(row[0]) for row in connection.execute(queries.batched_hashes, {"job": job.id})}


def owners_of_texts(bind: Bind, space: SpaceRow, hashes: Sequence[bytes]) -> dict[bytes, tuple[str, int]]:
    """For each text a novel that has it, and its word pieces; without those that no novel has any more."""
    with autocommit(bind) as connection:
        query = queries.owners_in_context if space.context else queries.owners_of_texts
        rows = connection.execute(query, {"hashes": list(hashes)})
        return {bytes(value): (str(novel), int(pieces)) for value, novel, pieces in rows}


def take_answers(
    connection: Connection, space: SpaceRow, job: BatchJob, answers: Mapping[bytes, "NDArray[np.float32]"]
) -> list[bytes]:
    """Store the vectors of inputs that still belong to the job, which they do no longer; returns their hashes.

    In the caller's transaction, so that an answer is stored, booked and let go at once or not at all.
    """
    import numpy as np

    with transaction(connection) as raw:
        taking = raw.execute(queries.take_batched, {"job": job.id, "hashes": list(answers)})
        taken = [bytes(row[0]) for row in taking]
    if taken:
        write_batch(connection, space, taken, np.stack([answers[value] for value in taken]))
        with transaction(connection) as raw:
            raw.execute(queries.count_stored, {"job": job.id, "stored": len(taken)})
    return taken


def end_collecting(connection: Connection, job: BatchJob, outcome: str, *, tokens: int, cost: Decimal | None) -> None:
    """Let go what the job did not bring; the night's budget counts what it charged from now on."""
    with transaction(connection) as raw:
        raw.execute(queries.release_batched, {"job": job.id})
        raw.execute(queries.end_collecting, {"job": job.id, "outcome": outcome})
    amend_launch(connection, job.launch_name, tokens=tokens, cost=cost)


def give_up(engine: Engine, job: BatchJob, outcome: str) -> None:
    """End a job that the provider never accepted: nothing is paid, and its inputs are anybody's."""
    with engine.begin() as connection:
        with transaction(connection) as raw:
            raw.execute(queries.release_batched, {"job": job.id})
            raw.execute(queries.end_batch_job, {"job": job.id, "outcome": outcome})
        withdraw_launch(connection, job.launch_name)


def end_batch_job(bind: Bind, job: BatchJob) -> None:
    """End a job that is collected and followed up."""
    with autocommit(bind) as connection:
        connection.execute(queries.end_batch_job, {"job": job.id, "outcome": ""})


def _jobs(bind: Bind, *, ended: bool, job: int | None, limit: int | None) -> list[BatchJob]:
    with autocommit(bind) as connection, connection.cursor(row_factory=class_row(BatchJob)) as cursor:
        return cursor.execute(queries.batch_jobs, {"ended": ended, "job": job, "limit": limit}).fetchall()
