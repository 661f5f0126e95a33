"""Batch jobs against OpenAI's and Voyage's files and batches over real HTTP."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from morpheus_assets.embedding.errors import ConfigurationError, EmbeddingError, ProviderUnavailable, RateLimited
from morpheus_assets.services import batch_jobs
from morpheus_assets.services.batch_jobs import cancel_job, collect_jobs, look_at_jobs, submit_plan
from morpheus_assets.services.configured_spaces import batch_terms, configured_text_spaces
from morpheus_assets.services.reembedding_plan import describe_plan, make_plan, remaining_budget
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.spending import spending_totals
from morpheus_assets.store.database.errors import SpaceError
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.batch_jobs import BatchJob, end_batch_job, latest_batch_jobs, open_batch_jobs
from morpheus_assets.store.spaces.claims import open_claims
from morpheus_assets.store.spaces.coverage import Coverage, coverage
from morpheus_assets.store.spaces.vectors import read_vectors
from morpheus_assets_tests.defs.model_change import add_novel, bodies_of, make_settings, names
from morpheus_assets_tests.fixtures.batch_server import BatchServer, batch_server
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

SPACES = {"openai": "openai/text-embedding-3-large@96", "voyage": "voyage/voyage-4-large@256"}
LATER = timedelta(minutes=11)


def no_embedding(space, missing) -> Iterator[Any]:
    raise AssertionError("the references of a space that was made just now are not asked again")


class Deployment:
    """Novels that lack a space, its provider's server, and what a run does with both."""

    def __init__(self, engine: Engine, server: BatchServer, settings: Settings) -> None:
        self.engine, self.server, self.settings = engine, server, settings
        self.said: list[str] = []

    def plan(self, *, batch: bool | None = True):
        return make_plan(self.engine, self.settings, batch=batch)

    def submit(self) -> list[str]:
        return [said for each in self.plan().spaces for said in
                submit_plan(self.engine, self.settings, each, self.said.append)]  # fmt: skip

    def collect(self, later: timedelta = timedelta(0)) -> list[Any]:
        now = datetime.now(UTC) + later
        found = []
        for done in collect_jobs(self.engine, self.settings, no_embedding, self.said.append, run_id="run", now=now):
            found.append(done)
            if not isinstance(done, EmbeddingError):
                end_batch_job(self.engine, done.job)
        return found

    def covered(self) -> Coverage:
        [space] = configured_text_spaces(self.settings)
        return coverage(self.engine, spaces.get_space(self.engine, space.key))

    def jobs(self) -> list[BatchJob]:
        return open_batch_jobs(self.engine)


@pytest.fixture(params=["openai", "voyage"])
def vendor(request) -> str:
    return request.param


@pytest.fixture
def deployment(engine: Engine, database_url: str, tmp_path: Path, vendor: str) -> Iterator[Deployment]:
    for novel in names(4):
        add_novel(engine, novel, bodies_of(novel, 5))
    with batch_server(vendor) as server:
        keys = {"voyage_api_key": "pa-test", "voyage_base_url": server.url, "openai_base_url": server.url}
        settings = make_settings(database_url, server.url, tmp_path, SPACES[vendor], **keys)
        yield Deployment(engine, server, settings)


only_openai = pytest.mark.parametrize("vendor", ["openai"], indirect=True)


def test_what_a_job_answers_in_any_order_is_stored_under_its_hash_and_booked_at_the_batch_price(deployment, vendor):
    [said] = deployment.submit()
    assert "20 inputs are sent as the batch job batch-" in said
    assert deployment.covered().batched == 20
    [seen] = look_at_jobs(deployment.engine, deployment.settings)
    assert not seen.due
    assert "validating" in seen.said
    assert deployment.collect() == [], "it has not ended"
    deployment.server.end()
    [seen] = look_at_jobs(deployment.engine, deployment.settings)
    assert seen.due
    [done] = deployment.collect()
    assert done.said.endswith("completed: 20 of 20 inputs are stored.")
    assert done.follow_up
    assert (deployment.covered().missing, deployment.covered().batched, deployment.jobs()) == (0, 0, [])
    row = done.row
    bodies = bodies_of("novel-002", 5)
    stored = read_vectors(deployment.engine, row, [hashlib.sha256(text.encode()).digest() for text in bodies])
    for text in bodies:
        expected = vectors_of([text], row.dimensions)[0]
        assert stored[hashlib.sha256(text.encode()).digest()] == pytest.approx(expected, abs=1e-3)
    [spent] = spending_totals(deployment.engine)
    price, share = (Decimal("0.13"), Decimal("0.5")) if vendor == "openai" else (Decimal("0.12"), Decimal("0.67"))
    assert (spent.inputs, spent.uncertain_inputs) == (20, 0)
    assert spent.cost == pytest.approx(price * share * spent.tokens / 1_000_000, abs=Decimal("1e-7"))
    assert set(deployment.server.accepted.values()) == {1}
    assert spaces.active_space(deployment.engine, "text").key == row.key, (
        "the first space answers as soon as it has some"
    )


@only_openai
def test_the_plan_shows_both_prices_and_a_job_takes_its_price_from_the_nights_budget(deployment):
    [ordinary], [batch] = deployment.plan(batch=False).spaces, deployment.plan(batch=True).spaces
    assert batch.batch.price == ordinary.price / 2
    assert batch.price == ordinary.price, "the ordinary price is shown beside"
    assert sum(each.price for each in batch.chosen) == batch.batch.price
    shown = describe_plan(deployment.plan())
    assert "as batch  $0.0000 in 1 job, within 24 hours (chosen)" in shown
    assert "not chosen: `batch = true`" in describe_plan(deployment.plan(batch=None))
    before = remaining_budget(deployment.engine, deployment.settings).cost
    deployment.submit()
    assert before - remaining_budget(deployment.engine, deployment.settings).cost > 0
    assert deployment.plan().spaces == (), "what is in a job is not lacking"


@only_openai
def test_the_setting_and_a_spaces_table_choose_the_batch_and_the_table_outranks(deployment, tmp_path):
    settings = deployment.settings.model_copy(update={"reembed_batch": True})
    assert make_plan(deployment.engine, settings).spaces[0].by_batch
    file = tmp_path / "spaces.toml"
    file.write_text('[large]\nprovider = "openai"\nmodel = "text-embedding-3-large"\ndimensions = 96\nbatch = false\n')
    refused = settings.model_copy(update={"spaces_file": file, "text_spaces": "large"})
    assert not make_plan(deployment.engine, refused).spaces[0].by_batch
    file.write_text('[cohere]\nprovider = "cohere"\nmodel = "embed-v4.0"\nbatch = true\n')
    with pytest.raises(ConfigurationError, match="no batch API of cohere is used here"):
        configured_text_spaces(refused.model_copy(update={"text_spaces": "cohere"}))


def test_a_space_with_more_inputs_than_a_job_takes_is_sent_as_several(deployment, monkeypatch):
    monkeypatch.setattr(batch_jobs, "batch_terms", lambda *of: replace(batch_terms(*of), max_inputs=8))
    assert len(deployment.submit()) == 3
    assert sorted(job.inputs for job in deployment.jobs()) == [4, 8, 8]
    deployment.server.end()
    assert len(deployment.collect()) == 3
    assert deployment.covered().whole


FAILURES = {
    "refused by itself": {"status_code": 400, "body": {"error": {"message": "too long", "code": None}}},
    "in trouble": {"status_code": 500, "message": "internal"},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_request_that_fails_goes_the_ordinary_way_and_is_not_charged(deployment, failure):
    deployment.submit()
    deployment.server.end(failed=lambda text: FAILURES[failure] if "passage 3" in text else None)
    [done] = deployment.collect()
    assert "16 of 20 inputs are stored, 4 are not" in done.said
    assert (deployment.covered().to_send, deployment.covered().refused) == (4, 0)
    assert spending_totals(deployment.engine)[0].uncertain_inputs == 0
    assert batch_jobs.sends_the_rest(done.job)


@pytest.mark.parametrize(("status", "answered"), [("expired", 0.5), ("cancelled", 0.25), ("failed", 0.0)])
def test_a_job_that_ends_half_way_keeps_what_is_answered_and_lets_the_rest_go(deployment, status, answered):
    deployment.submit()
    deployment.server.end(status, answered=answered)
    [done] = deployment.collect()
    assert deployment.covered().present == 20 * answered
    assert (deployment.covered().to_send, deployment.covered().batched) == (20 - 20 * answered, 0)
    assert sum(each.uncertain_inputs for each in spending_totals(deployment.engine)) == 0
    assert status in done.said


SPOILED = {
    "missing": (lambda lines: lines[3:], 17, 3),
    "doubled": (lambda lines: lines + lines[:5], 20, 0),
    "foreign": (
        lambda lines: [*lines, lines[0].replace(json.loads(lines[0])["custom_id"].encode(), b"ab" * 32)],
        20,
        0,
    ),
    "unreadable": (lambda lines: [*lines[1:], b'{"custom_id": '], 19, 1),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_result_file_with_lines_that_are_wrong_stores_what_is_right_once(deployment, fault):
    spoil, stored, lost = SPOILED[fault]
    deployment.submit()
    deployment.server.end(lines=spoil)
    [done] = deployment.collect()
    assert deployment.covered().present == stored == done.job.stored
    assert deployment.covered().to_send == lost, "what never came goes the ordinary way"
    [spent] = spending_totals(deployment.engine)
    assert (spent.inputs, spent.uncertain_inputs) == (stored, lost), "and is perhaps paid for"


@pytest.mark.parametrize("fault", ["wrong_dims", "nan", "zero"])
def test_answers_that_cannot_be_trusted_are_not_stored(deployment, fault):
    deployment.submit()
    deployment.server.end(fault=fault)
    deployment.collect()
    assert (deployment.covered().present, deployment.covered().to_send) == (0, 20)
    assert spending_totals(deployment.engine)[0].uncertain_inputs == 20


def test_what_a_person_drops_meanwhile_is_not_waited_for_and_what_is_in_the_job_is_not_asked_again(deployment):
    deployment.submit()
    add_novel(deployment.engine, "novel-000", [*bodies_of("novel-000", 5), "A new passage about the harbour. "])
    assert deployment.covered().to_send == 1
    [row] = [each for each in spaces.list_spaces(deployment.engine) if each.purpose == "text"]
    with open_claims(deployment.engine, row, names(4)) as claims:
        assert [each.content for each in claims.missing()] == ["A new passage about the harbour. "]
        assert not claims.wait_for_others(), "a job is nobody to wait for"


def test_what_a_run_has_at_work_is_left_to_it(deployment):
    space = configured_text_spaces(deployment.settings)[0]
    row = spaces.register_space(deployment.engine, space)
    with open_claims(deployment.engine, row, ["novel-001"]) as claims:
        assert len(list(claims.missing())) == 5
        deployment.submit()
    assert deployment.jobs()[0].inputs == 15


@pytest.mark.parametrize("accepted", [True, False])
def test_a_job_whose_acceptance_was_not_heard_of_is_found_or_given_up_and_nothing_is_sent_twice(
    deployment, accepted, fault_row: FaultRow
):
    def lose() -> None:
        raise OSError

    deployment.server.hooks["POST /batches", "after" if accepted else "before"] = lose
    with pytest.raises(ProviderUnavailable):
        deployment.submit()
    deployment.server.hooks.clear()
    [job] = deployment.jobs()
    assert job.state == "submitting"
    assert deployment.plan().spaces == (), "as long as it may be accepted, it is asked for nowhere else"
    if not accepted:
        assert deployment.collect() == []
    deployment.server.end()
    [done] = deployment.collect(LATER)
    assert deployment.covered().missing == (0 if accepted else 20)
    assert "stored" in done.said if accepted else "given up" in done.said
    if not accepted:
        budget = remaining_budget(deployment.engine, deployment.settings)
        assert budget.cost == budget.whole_cost, "what was never accepted takes nothing from the night"
        deployment.submit()
    assert set(deployment.server.accepted.values()) == {1}
    twice = sum(deployment.server.accepted.values()) - len(deployment.server.accepted)
    what = "accepted, the answer is lost" if accepted else "never accepted, the connection broke"
    fault_row(f"a batch job was {what}", sentence=done.said, paid_twice=twice)


@only_openai
def test_a_refused_job_lets_its_inputs_go_at_once(deployment):
    deployment.server.refuse["POST /batches"] = (429, {"error": {"message": "Rate limit.", "code": "rate_limit"}})
    with pytest.raises(RateLimited):
        deployment.submit()
    assert (deployment.jobs(), deployment.covered().to_send) == ([], 20)


@only_openai
def test_a_queue_that_is_full_leaves_the_rest_to_another_night(deployment):
    deployment.submit()
    full = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]
    deployment.server.end("failed", answered=0, errors=full)
    [done] = deployment.collect()
    assert "Enqueued token limit reached" in done.said
    assert not batch_jobs.sends_the_rest(done.job)


def test_a_job_that_is_later_than_promised_is_cancelled_before_anything_of_it_is_sent_again(deployment):
    deployment.submit()
    assert deployment.collect(timedelta(hours=27)) == []
    assert deployment.server.calls[-1] == "POST /batches/ID/cancel"
    assert deployment.covered().to_send == 0
    deployment.server.end("cancelled", answered=0.5)
    deployment.collect(timedelta(hours=27))
    assert deployment.covered().present == 10


def test_a_person_cancels_a_job_and_keeps_what_was_answered(deployment):
    deployment.submit()
    said = cancel_job(deployment.engine, deployment.settings, deployment.jobs()[0])
    assert "asked to cancel" in said
    deployment.server.end("cancelled", answered=0.5)
    [done] = deployment.collect()
    assert deployment.covered().present == 10
    assert not batch_jobs.sends_the_rest(done.job), "whoever cancels decides when the rest is sent"


@only_openai
def test_a_space_is_not_dropped_while_a_job_of_it_is_open(deployment):
    deployment.submit()
    with pytest.raises(SpaceError, match="has not ended"):
        spaces.drop(deployment.engine, deployment.jobs()[0].space_key)


@only_openai
def test_a_model_that_changed_stores_nothing_and_the_answers_wait(deployment, monkeypatch):
    deployment.submit()
    deployment.server.end()

    def changed(*_) -> None:
        raise ConfigurationError("The model gives other vectors.")

    monkeypatch.setattr(batch_jobs, "verify_model", changed)
    [fault] = deployment.collect()
    assert isinstance(fault, ConfigurationError)
    assert (deployment.covered().present, len(deployment.jobs())) == (0, 1)
    monkeypatch.undo()
    deployment.collect()
    assert deployment.covered().whole
    assert latest_batch_jobs(deployment.engine)[0].state == "ended"
