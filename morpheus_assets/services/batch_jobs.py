"""Embedding through a provider's batch API: submit a plan or a large load, look at jobs, collect what they bring.

What is sent belongs to its job in Postgres before anything leaves, and each step is noted before the next one, so that
a process may be killed between any two: what was accepted is never sent twice, and what was not is anybody's again.
"""

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import SpaceRow
from morpheus_assets.embedding.errors import EmbeddingError, ProviderUnavailable
from morpheus_assets.embedding.providers.batch_api import QUEUE_FULL, BatchAnswer, BatchApi, BatchStatus
from morpheus_assets.services.configured_spaces import (
    batch_price_of,
    batch_terms,
    configured_spaces,
    open_batch_api,
    open_provider,
    uses_batch,
)
from morpheus_assets.services.embed_novels import Embed, shared_out
from morpheus_assets.services.model_change import verify_model
from morpheus_assets.services.reembedding_plan import SpacePlan
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.reembeddings import Launch
from morpheus_assets.store.accounts.spending import record_spending, record_uncertain_spending
from morpheus_assets.store.database.leases import open_lease
from morpheus_assets.store.database.outages import retry_while_down
from morpheus_assets.store.spaces import batch_jobs as store
from morpheus_assets.store.spaces.batch_jobs import BatchJob
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import novel_coverage
from morpheus_assets.store.spaces.indexes import refresh_space
from morpheus_assets.store.spaces.spaces import activate_first, get_space, list_spaces, register_space

if TYPE_CHECKING:
    import numpy as np

    from morpheus_assets.store.spaces.coverage import MissingInput

# One process at a time submits and collects: who finds a job half submitted then knows that its process is gone.
_LEASE = "batch jobs"
_SLICE = 500
# A job that its account still does not list so long after it was asked for was not accepted.
UNLISTED_AFTER = timedelta(minutes=10)
# How long after its promised end a job is waited for before it is cancelled.
GRACE = timedelta(hours=2)
_PROGRESS_SECONDS = 15.0


@dataclass(frozen=True)
class Collected:
    """What became of a job: the sentence, its space, and the novels that an ordinary run has to go over now."""

    job: BatchJob
    said: str
    row: SpaceRow
    follow_up: bool = False


@dataclass(frozen=True)
class LookedAt:
    """An open job with its state at the provider (None: not asked, or not known there), and a sentence.

    `due`: a run has something to do for it.
    """

    job: BatchJob
    status: BatchStatus | None
    said: str
    due: bool


def submit_plan(engine: Engine, settings: Settings, plan: SpacePlan, say: Callable[[str], None]) -> list[str]:
    """Send what a plan chose for one space as batch jobs; a sentence for each job.

    Claims are taken as any run takes them, so what a run has at work is left to it. Raises embedding.errors when a job
    is refused; those before it go on.
    """
    if not plan.chosen:
        return [f"{plan.space.key}: {len(plan.work)} novels lack vectors, and tonight's budget allows none of them."]
    row = register_space(engine, plan.space)
    said = _submit(engine, settings, row, [each.novel for each in plan.chosen], plan.reason, say)
    return said or [f"{row.key}: runs have all of it at work, so no batch job is needed."]


def submit_large_load(
    engine: Engine, settings: Settings, row: SpaceRow, novels: Sequence[str], say: Callable[[str], None]
) -> None:
    """Send what an ingest found new as batch jobs, where it is so much that the settings want it to wait for them.

    Nothing where it is less, or the space is not re-embedded through a batch API. Raises as `submit_plan`.
    """
    least = settings.ingest_batch_from
    if least is None or not uses_batch(settings, row):
        return
    covered = retry_while_down(partial(novel_coverage, engine, row, novels))
    new = sum(each.to_send for each in covered)
    if new >= least:
        wanted = [each.novel for each in covered if each.to_send]
        _submit(engine, settings, row, wanted, f"{new:,} new inputs in one ingest", say)


def _submit(
    engine: Engine, settings: Settings, row: SpaceRow, novels: Sequence[str], reason: str, say: Callable[[str], None]
) -> list[str]:
    said: list[str] = []
    with closing(open_batch_api(settings, row)) as api:
        submission = _Submission(engine, settings, row, reason, api)
        try:
            with open_lease(engine, _LEASE) as lease, open_claims(engine, row, novels) as claims:
                for missing in claims.missing():
                    lease.ensure()
                    if submission.is_full:
                        said += _told(submission.send(), say)
                    submission.add(missing)
                said += _told(submission.send(), say)
        except BaseException:
            submission.drop()
            raise
    return said


def _told(sentence: str | None, say: Callable[[str], None]) -> list[str]:
    if sentence is None:
        return []
    say(sentence)
    return [sentence]


class _Submission:
    """Fills the input file of one job after the other, and submits each."""

    def __init__(self, engine: Engine, settings: Settings, row: SpaceRow, reason: str, api: BatchApi) -> None:
        terms = batch_terms(settings, row)
        assert terms is not None
        self._engine, self._settings, self._row, self._reason, self._api = engine, settings, row, reason, api
        self._terms = terms
        self._provider = open_provider(settings, row)
        self._job: BatchJob | None = None
        self._file: Path | None = None
        self._waiting: list[bytes] = []
        self._bytes = self._inputs = self._tokens = 0
        self._novels: dict[str, None] = {}

    @property
    def is_full(self) -> bool:
        """True when the next input may be too many for the job."""
        # An input is a small part of a file: what is left is room for the next line.
        return self._inputs >= self._terms.max_inputs or self._bytes >= self._terms.max_file_bytes * 0.98

    def add(self, missing: "MissingInput") -> None:
        """Put one more input into the job's file."""
        if self._job is None:
            self._job = store.add_batch_job(self._engine, self._row, uuid.uuid4().hex, self._reason)
            handle, name = tempfile.mkstemp(prefix="morpheus-batch-", suffix=".jsonl")
            self._file, self._out = Path(name), os.fdopen(handle, "wb")
        line = self._api.line(missing.content_hash.hex(), missing.content)
        self._out.write(line)
        self._bytes += len(line)
        self._inputs += 1
        self._tokens += self._provider.estimate_tokens(missing.content)
        self._novels[missing.novel] = None
        self._waiting.append(missing.content_hash)
        if len(self._waiting) >= _SLICE:
            self._note()

    def send(self) -> str | None:
        """Upload the file and ask for the job; a sentence, None when there is nothing to send."""
        if self._job is None or self._file is None:
            return None
        self._note()
        self._out.close()
        job = self._job
        uploaded = self._api.upload(self._file, job.token)
        cost = batch_price_of(self._settings, self._row, self._tokens)
        launch = Launch(
            self._row.key, self._reason, job.launch_name, len(self._novels), self._inputs, self._tokens, cost,
            datetime.now(UTC),
        )  # fmt: skip
        store.begin_submitting(self._engine, job, uploaded, launch, list(self._novels), self._terms.hours)
        try:
            accepted = self._api.create(uploaded, job.token)
            store.record_submitted(self._engine, job, accepted)
        except BaseException as fault:
            refused = isinstance(fault, EmbeddingError) and not isinstance(fault, ProviderUnavailable)
            if not refused:
                # Perhaps accepted: who collects finds out, and until then its inputs belong to it.
                self._forget()
            raise
        said = (
            f"{self._row.key}: {self._inputs:,} inputs are sent as the batch job {accepted}, answered within"
            f" {self._terms.hours} hours."
        )
        self._forget()
        return said

    def drop(self) -> None:
        """Give up a job that was not accepted; nothing for one that is sent."""
        if self._job is not None:
            store.give_up(self._engine, self._job, "It was not submitted: the run that prepared it failed.")
        self._forget()

    def _note(self) -> None:
        if self._waiting and self._job is not None:
            store.add_inputs(self._engine, self._row, self._job, self._waiting)
            self._waiting = []

    def _forget(self) -> None:
        if self._file is not None:
            self._out.close()
            self._file.unlink(missing_ok=True)
        self._job = self._file = None
        self._waiting = []
        self._bytes = self._inputs = self._tokens = 0
        self._novels = {}


def look_at_jobs(engine: Engine, settings: Settings, *, now: datetime | None = None) -> list[LookedAt]:
    """Every open job as its provider has it now. Only asks: nothing is stored."""
    now = now or datetime.now(UTC)
    rows = {row.key: row for row in list_spaces(engine)}
    return [_look(settings, rows[job.space_key], job, now) for job in store.open_batch_jobs(engine)]


def _look(settings: Settings, row: SpaceRow, job: BatchJob, now: datetime) -> LookedAt:
    name = f"The batch job {job.job or job.token} of {row.key}"
    if job.state in ("preparing", "submitting"):
        young = now - job.created_at < timedelta(minutes=1)
        return LookedAt(job, None, f"{name} is being submitted.", due=not young)
    if job.state == "collected":
        return LookedAt(job, None, f"{name} is collected: {job.outcome}", due=True)
    assert job.job is not None
    try:
        with closing(open_batch_api(settings, row)) as api:
            status = api.status(job.job)
    except EmbeddingError as fault:
        return LookedAt(job, None, f"{name} cannot be looked at: {fault}", due=False)
    late = job.deadline is not None and now > job.deadline + GRACE
    if status is None:
        return LookedAt(job, None, f"{name} is not known to the account of the present key.", due=late)
    progress = f"{status.completed:,} of {status.total or job.inputs:,} inputs are answered, {status.failed:,} failed"
    return LookedAt(job, status, f"{name} is {status.status}: {progress}.", due=status.ended or late)


def collect_jobs(
    engine: Engine,
    settings: Settings,
    embed: Embed,
    say: Callable[[str], None],
    *,
    run_id: str | None = None,
    now: datetime | None = None,
) -> Iterator[Collected | EmbeddingError]:
    """Store what the open jobs that have ended bring, and settle those whose process was killed.

    `embed` asks for the reference texts before the first vector of a job is stored. A job that cannot be collected now
    gives its error, and the others go on. `end_batch_job` is the caller's, once an
    ordinary run was asked for what `follow_up` says is left.
    """
    now = now or datetime.now(UTC)
    with open_lease(engine, _LEASE):
        for job in store.open_batch_jobs(engine):
            try:
                done = _Collection(engine, settings, job, embed, say, run_id, now).settle()
            except EmbeddingError as fault:
                yield fault
                continue
            if done is not None:
                yield done


def cancel_job(engine: Engine, settings: Settings, job: BatchJob) -> str:
    """Ask the provider to end a job; what it has answered is still collected, and the rest is anybody's then."""
    if job.job is None:
        return f"The job {job.token} is not submitted yet: wait a minute, then look again."
    with closing(open_batch_api(settings, get_space(engine, job.space_key))) as api:
        api.cancel(job.job)
    store.record_cancelled(engine, job)
    return f"The provider was asked to cancel {job.job}: what it has answered by then is collected in some minutes."


class _Collection:
    """One open job on its way to its end."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        job: BatchJob,
        embed: Embed,
        say: Callable[[str], None],
        run_id: str | None,
        now: datetime,
    ) -> None:
        self._engine, self._settings, self._job = engine, settings, job
        self._embed, self._say, self._run_id, self._now = embed, say, run_id, now
        self._row = get_space(engine, job.space_key)

    def settle(self) -> Collected | None:
        """Take the job as far as it goes now; None when it is to be waited for."""
        job = self._job
        if job.state == "preparing":
            store.give_up(self._engine, job, "Its process ended before anything was sent.")
            return Collected(job, f"{job.space_key}: a job that was never sent is given up.", self._row)
        if job.state == "collected":
            return Collected(job, job.outcome, self._row, follow_up=True)
        with closing(open_batch_api(self._settings, self._row)) as api:
            return self._find(api) if job.state == "submitting" else self._collect(api)

    def _find(self, api: BatchApi) -> Collected | None:
        job = self._job
        assert job.input_file is not None
        assert job.submitted_at is not None
        found = api.find(job.input_file, job.token)
        if found is not None:
            store.record_submitted(self._engine, job, found)
            self._say(f"{job.space_key}: the job {found} was accepted, although the process that asked for it ended.")
            self._job = store.get_batch_job(self._engine, job.id)
            return self._collect(api)
        if self._now - job.submitted_at < UNLISTED_AFTER:
            return None
        store.give_up(self._engine, job, "The provider did not accept it.")
        return Collected(job, f"{job.space_key}: a job that was not accepted is given up.", self._row)

    def _collect(self, api: BatchApi) -> Collected | None:
        job = self._job
        assert job.job is not None
        status = api.status(job.job)
        late = job.deadline is not None and self._now > job.deadline + GRACE
        if status is not None and not status.ended:
            if late and job.cancelled_at is None:
                # What is sent again while it may still be answered would be paid twice.
                api.cancel(job.job)
                store.record_cancelled(self._engine, job)
                self._say(f"{job.space_key}: the job {job.job} is later than promised, and is cancelled.")
            return None
        if status is None and not late:
            return None
        # Cut short on its way, a file looks like one with lines missing: it is read once more before that is believed.
        reading = 0
        while status is not None and reading < 2 and (left := store.hashes_of(self._engine, job)):
            answered = self._store(api, status, left)
            reading += 1
            if answered >= status.completed:
                break
        return self._end(status)

    def _store(self, api: BatchApi, status: BatchStatus, left: set[bytes]) -> int:
        """Store the answers of what is left; how many requests the files account for."""
        verified = answered = 0
        answers: dict[bytes, BatchAnswer] = {}
        said = time.monotonic()
        for answer in api.answers(status):
            answered += answer.charged
            name = _hash_of(answer.name)
            if answer.vector is None or name not in left or name in answers:
                continue
            if not verified:
                verify_model(self._engine, self._settings, self._row, self._embed)
                verified = 1
            answers[name] = answer
            if len(answers) >= _SLICE:
                self._write(answers)
                left -= set(answers)
                answers = {}
            if time.monotonic() - said > _PROGRESS_SECONDS:
                said = time.monotonic()
                self._say(f"{answered:,} of {status.total:,} answers are read, {len(left):,} inputs are left")
        self._write(answers)
        return answered

    def _write(self, answers: dict[bytes, BatchAnswer]) -> None:
        if not answers:
            return
        job = self._job
        vectors: dict[bytes, np.ndarray] = {
            value: answer.vector for value, answer in answers.items() if answer.vector is not None
        }
        with self._engine.begin() as connection:
            taken = store.take_answers(connection, self._row, job, vectors)
            tokens = sum(answers[value].tokens or job.tokens_per_input for value in taken)
            for novel, inputs, share, requests in self._shares(taken, tokens):
                record_spending(
                    connection, self._row, novel, tokens=share, inputs=inputs, requests=requests,
                    cost=batch_price_of(self._settings, self._row, share), run_id=self._run_id,
                )  # fmt: skip

    def _shares(self, hashes: Sequence[bytes], tokens: int) -> Iterator[tuple[str | None, int, int, int]]:
        owners = store.owners_of_texts(self._engine, self._row, hashes)
        rows = [owners.get(value, ("", 1)) for value in hashes]
        for novel, inputs, share, _ in shared_out([(novel, max(1, size)) for novel, size in rows], tokens, 0):
            yield novel or None, inputs, share, inputs

    def _end(self, status: BatchStatus | None) -> Collected:
        job = store.get_batch_job(self._engine, self._job.id)
        left = sorted(store.hashes_of(self._engine, job))
        # Answered at the provider and not here: paid for, perhaps.
        lost = min(len(left), max(0, status.completed - job.stored)) if status is not None else len(left)
        usual = job.tokens_per_input
        word = status.status if status is not None else "not known to the provider any more"
        said = f"{status.fault_code} {status.fault}".strip() if status is not None else ""
        because = f" ({said})" if said else ""
        outcome = f"{word}{because}: {job.stored:,} of {job.inputs:,} inputs are stored"
        outcome += f", {len(left):,} are not" if left else ""
        outcome += f", of which {lost:,} are perhaps paid for." if lost else "."
        tokens = job.stored * usual
        cost: Decimal | None = batch_price_of(self._settings, self._row, tokens)
        with self._engine.begin() as connection:
            store.end_collecting(connection, job, outcome, tokens=tokens, cost=cost)
            if lost:
                record_uncertain_spending(
                    connection, self._row, None, tokens=lost * usual, inputs=lost, requests=lost,
                    cost=batch_price_of(self._settings, self._row, lost * usual), run_id=self._run_id,
                )  # fmt: skip
        if job.stored:
            if self._row.key in {space.key for space in configured_spaces(self._settings, self._row.purpose)[:1]}:
                activate_first(self._engine, self._row.key)
            refresh_space(self._engine, self._row)
        job = store.get_batch_job(self._engine, job.id)
        return Collected(job, f"{job.job}: {outcome}", self._row, follow_up=True)


def sends_the_rest(job: BatchJob) -> bool:
    """True when what a job did not bring is sent the ordinary way now.

    What a person cancelled, or what did not fit into the provider's queue, is left to another night.
    """
    return job.cancelled_at is None and QUEUE_FULL not in job.outcome


def describe_job(job: BatchJob) -> str:
    """One job in a line, for a person."""
    what = f"{job.stored:,} of {job.inputs:,} inputs stored" if job.inputs else "not sent yet"
    when = f", promised by {job.deadline:%Y-%m-%d %H:%M} UTC" if job.deadline and job.state == "submitted" else ""
    return f"{job.id}: {job.space_key}, {job.job or job.token}, {job.state}, {what}{when}"


def job_as_json(job: BatchJob) -> dict[str, Any]:
    """For machines: times are ISO 8601, `cost` is in US dollars as planned."""
    told = {**asdict(job), "cost": None if job.cost is None else float(job.cost)}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}


def _hash_of(name: str) -> bytes:
    try:
        return bytes.fromhex(name)
    except ValueError:
        return b""
