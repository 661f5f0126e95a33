"""A provider at fault, seen from the asset: what is stored, what the failed run says, what a re-run pays."""

import hashlib

import numpy as np
import pytest

from morpheus_assets.store.spaces.spaces import get_space
from morpheus_assets.store.spaces.vectors import iter_vectors
from morpheus_assets_tests.fixtures.deployment import Deployment, failure_of, materialized, metadata_of, story
from morpheus_assets_tests.fixtures.faults import FaultRow
from morpheus_assets_tests.fixtures.provider_answers import vectors_of

SPACES = {"openai": "openai/text-embedding-3-small@256", "voyage": "voyage/voyage-3.5@256"}
SPACE_KEYS = {"openai": "openai-text-embedding-3-small-256", "voyage": "voyage-voyage-3-5-256"}
LATER, TRUST = "run again later", "cannot be trusted"

# fault, what the sentence of the failed run names: the fault, the setting, the next step
FAULTS = [
    ("401", ("HTTP 401", "{vendor}_API_KEY", "set")),
    ("404", ("HTTP 404", "MORPHEUS_TEXT_SPACES", "check")),
    ("429_quota", ("quota or credit", "{vendor}_API_KEY", "then run again")),
    ("429", ("HTTP 429", "MORPHEUS_TOKENS_PER_MINUTE", LATER)),
    ("529", ("HTTP 529", "MORPHEUS_TEXT_SPACES", LATER)),
    ("html200", ("not JSON", "base URL", LATER)),
    ("cut_body", ("cannot be reached", "{vendor}_BASE_URL", LATER)),
    ("wrong_count", (TRUST, "MORPHEUS_TEXT_SPACES", "check")),
    ("repeated_index", (TRUST, "index 0", "check")),
    ("wrong_dims", (TRUST, "dimensions", "check")),
    ("nan", (TRUST, "NaN", "check")),
    ("zero", (TRUST, "zeros", "check")),
    ("bad_base64", (TRUST, "decoded", "check")),
    ("other_model", (TRUST, "somebody-else", "check")),
    # The last one: what was not answered in time goes one by one afterwards, and an index of one is never repeated.
    ("drip", ("no whole answer", "MORPHEUS_REQUEST_TIMEOUT_SECONDS", LATER)),
]


def use(deployment: Deployment, vendor: str, base_url: str) -> None:
    settings = deployment.settings
    settings.text_spaces = SPACES[vendor]
    settings.openai_base_url = settings.voyage_base_url = base_url
    settings.voyage_api_key = settings.openai_api_key
    deployment.rebuild()


def assert_every_vector_is_right(deployment: Deployment, vendor: str = "openai") -> int:
    """Each stored vector is the one of its own passage; returns how many there are."""
    bodies = {bytes(key): body for key, body in deployment.rows("SELECT content_hash, body FROM passages")}
    assert all(hashlib.sha256(body.encode()).digest() == key for key, body in bodies.items())
    row = get_space(deployment.engine, SPACE_KEYS[vendor])
    count = 0
    for hashes, embeddings in iter_vectors(deployment.engine, row):
        expected = vectors_of([bodies[key] for key in hashes], 256)
        np.testing.assert_allclose(embeddings, expected, atol=1e-3)
        count += len(hashes)
    return count


@pytest.mark.parametrize("vendor", ["openai", "voyage"])
def test_whatever_the_fault_nothing_wrong_is_stored_and_the_run_says_what_to_do(
    deployment: Deployment, vendor: str, subtests: pytest.Subtests, fault_row: FaultRow
):
    deployment.drop("emma.txt", story(chapters=1))
    sentences = {}
    # Both speak through the same floor, where every fault is a row for each: here the second need not say it all.
    for fault, says in FAULTS if vendor == "openai" else FAULTS[::3]:
        with subtests.test(fault):
            deployment.settings.request_timeout_seconds = 0.6 if fault == "drip" else 30
            use(deployment, vendor, deployment.server.base_url(fault, delay=3, retry_after="0.05"))
            result = deployment.ingest("emma")
            assert not result.success
            assert assert_every_vector_is_right(deployment, vendor) == 0
            said = failure_of(result)
            for fragment in says:
                assert fragment.format(vendor=vendor.upper()) in said
            assert "\n" not in said
            assert "sk-test" not in said
            sentences[fault] = said
    deployment.settings.request_timeout_seconds = 30
    use(deployment, vendor, deployment.server.base_url())
    assert deployment.ingest("emma").success
    right = assert_every_vector_is_right(deployment, vendor)
    [(stored, needed)] = deployment.rows(
        "SELECT (SELECT count(*) FROM embeddings_1), (SELECT count(DISTINCT content_hash) FROM chunks)"
    )
    assert right == stored == needed > 0
    for fault, said in sentences.items():
        fault_row(f"{vendor} answers {fault}", sentence=said, lost=needed - stored, wrong=stored - right)


def test_of_a_provider_that_lies_at_random_only_the_truth_is_kept(deployment: Deployment, fault_row: FaultRow):
    lies = "+".join(
        f"{lie}:0.06" for lie in ("nan", "zero", "wrong_dims", "repeated_index", "other_model", "wrong_count")
    )
    deployment.settings.inputs_per_request = 4
    deployment.settings.requests_in_flight = 1
    deployment.drop("emma.txt", story(chapters=4, paragraphs=8))
    use(deployment, "openai", deployment.server.base_url(random=lies + "+reordered:0.3", seed=2))
    runs, stored = 0, [0]
    while not (result := deployment.ingest("emma")).success:
        said = failure_of(result)
        runs += 1
        stored.append(assert_every_vector_is_right(deployment))
        assert runs < 40
    assert runs >= 2
    assert stored == sorted(stored)
    needed, right = deployment.rows("SELECT count(*) FROM chunks")[0][0], assert_every_vector_is_right(deployment)
    assert right == needed
    fault_row("a provider that lies now and then, in six ways", sentence=said, lost=needed - right, wrong=0)


@pytest.mark.parametrize("fault", ["wrong_dims", "nan", "repeated_index", "other_model", "cut_json"])
def test_what_an_unusable_answer_may_have_cost_is_in_the_books(deployment: Deployment, fault: str):
    deployment.drop("emma.txt", story(chapters=1))
    deployment.settings.retry_attempts = 3
    use(deployment, "openai", deployment.server.base_url(fault, times=1))
    assert deployment.ingest("emma").success
    counted = deployment.server.stats()["tokens"]
    [(certain, uncertain)] = deployment.rows("SELECT sum(tokens)::bigint, sum(uncertain_tokens)::bigint FROM spending")
    assert certain < counted
    assert certain + uncertain == pytest.approx(counted, rel=0.3)
    assert deployment.rows("SELECT count(*) FROM unanswered_inputs") == [(0,)]


def test_a_passage_that_is_always_refused_loses_none_of_thousands(deployment: Deployment, fault_row: FaultRow):
    text = story(chapters=40, paragraphs=80)
    at = text.index("\n\n", len(text) // 2)
    deployment.drop("emma.txt", text[:at] + "\n\nThe [[poison]] was in the cup.\n\n" + text[at:])
    deployment.drop("anna.txt", story(chapters=2, seed=9))

    result = deployment.ingest("anna", "emma")

    assert result.success
    report = metadata_of(result, "text_embeddings", "emma")
    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
    assert needed > 1000
    assert report["refused"] == 1
    assert assert_every_vector_is_right(deployment) == needed - 1
    [(reason, body)] = deployment.rows("SELECT reason, body FROM refused_inputs JOIN passages USING (content_hash)")
    assert "[[poison]]" in body
    assert "HTTP 400" in reason
    lost = needed - 1 - deployment.rows("SELECT count(*) FROM embeddings_1")[0][0]
    fault_row("one passage of thousands is always refused", sentence=reason, lost=lost, wrong=0)
    checks = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert checks["coverage"].passed
    assert "1 are refused, 0 are missing" in checks["coverage"].description
    assert not checks["nothing_refused"].passed
    assert "emma, chapter" in str(checks["nothing_refused"].metadata["list"].records)
    # The search for the one at fault costs two requests for each halving of 256, and one that proves the setting.
    whole_packs = -(-needed // deployment.settings.inputs_per_request)
    assert deployment.requests <= whole_packs + 2 * 9 + 1

    before = deployment.requests
    again = deployment.ingest("anna", "emma")
    assert again.success
    assert deployment.requests == before
    assert metadata_of(again, "text_embeddings", "emma")["refused"] == 1


def test_a_provider_that_is_down_fails_the_run_but_not_what_it_had_stored(deployment: Deployment, fault_row: FaultRow):
    deployment.settings.inputs_per_request = 10
    deployment.drop("emma.txt", story(chapters=30))
    use(deployment, "openai", deployment.server.base_url(script="+".join(["ok"] * 3 + ["503"] * 100)))
    result = deployment.ingest("emma")
    assert not result.success
    stored = assert_every_vector_is_right(deployment)
    assert stored == 30
    [(inputs, requests)] = deployment.rows("SELECT inputs, requests FROM spending")
    assert (inputs, requests) == (30, 3)
    good = deployment.server.base_url()
    use(deployment, "openai", good)
    assert deployment.ingest("emma").success
    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
    sent = deployment.server.stats(good)["inputs"]
    assert sent == needed - stored
    lost = needed - assert_every_vector_is_right(deployment)
    twice = sent - (needed - stored)
    fault_row("the provider goes down in an ingest", sentence=failure_of(result), lost=lost, paid_twice=twice, wrong=0)


def test_novels_of_a_run_that_breaks_are_named_and_the_others_recorded(deployment: Deployment):
    names = ["anna", "bella", "clara"]
    for number, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(seed=number, chapters=2))
    deployment.drop("bella.txt", story(seed=5, chapters=2) + "\n\nThe [[broken]] cup.\n")
    use(deployment, "openai", deployment.server.base_url(broken="429", retry_after="0.05"))
    result = deployment.ingest(*names)
    assert not result.success
    assert sorted(materialized(result, "text_embeddings")) == ["anna", "clara"]
    assert failure_of(result).startswith("bella: ")


def test_a_passage_that_breaks_the_server_is_listed_and_every_other_is_stored(
    deployment: Deployment, fault_row: FaultRow
):
    text = story(chapters=6, paragraphs=8)
    at = text.index("\n\n", len(text) // 2)
    deployment.drop("emma.txt", text[:at] + "\n\nThe [[broken]] cup.\n\n" + text[at:])
    url = deployment.server.base_url(broken="500_nan")
    use(deployment, "openai", url)

    result = deployment.ingest("emma")

    assert result.success
    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
    assert assert_every_vector_is_right(deployment) == needed - 1
    [(reason, body)] = deployment.rows("SELECT reason, body FROM refused_inputs JOIN passages USING (content_hash)")
    assert "[[broken]]" in body
    assert "unsupported value: NaN" in reason
    stats = deployment.server.stats(url)
    lost = needed - 1 - deployment.rows("SELECT count(*) FROM embeddings_1")[0][0]
    fault_row("one passage breaks the server with 500", sentence=reason, lost=lost, wrong=0)
    assert deployment.rows("SELECT sum(requests), sum(tokens) FROM spending") == [(stats["requests"], stats["tokens"])]
    assert deployment.ingest("emma").success
    assert deployment.server.stats(url)["requests"] == stats["requests"]
