"""Thirty novels from a provider that fails a fifth of the time, under a rate limit that it enforces itself."""

from typing import Any

import pytest

from morpheus_assets.defs import resources
from morpheus_assets.embedding.retries import RetryPolicy
from morpheus_assets.store.accounts import rate_limits
from morpheus_assets_tests.defs.assets.test_faulty_provider import assert_every_vector_is_right, use
from morpheus_assets_tests.fixtures.deployment import Deployment, materialized, story

pytestmark = pytest.mark.slow

NOVELS, WINDOW, TOKENS, REQUESTS = 30, 2.0, 60_000, 100
PER_REQUEST = 2


@pytest.fixture
def short_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of two seconds and waits a tenth as long, so that a day takes seconds."""
    monkeypatch.setattr(rate_limits, "WINDOW_SECONDS", WINDOW)
    quick = RetryPolicy(first_wait=0.05, longest_wait=0.5, jitter=0.05, longest_retry_after=2.0, rate_limit_wait=0.5)
    monkeypatch.setattr(resources.ProvidersResource, "retry", lambda _: quick)


@pytest.fixture
def fullest(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The most requests and tokens that were booked into one window, whenever what was booked arrived."""
    most = {"requests": 0.0, "tokens": 0.0}
    save = rate_limits.PostgresBudget._save

    def look(self: rate_limits.PostgresBudget, connection: Any, account: Any) -> None:
        for begin, *_ in account.slots:
            window = [slot for slot in account.slots if begin <= slot[0] < begin + WINDOW]
            for place, name in enumerate(most, 1):
                most[name] = max(most[name], sum(slot[place] for slot in window))
        save(self, connection, account)

    monkeypatch.setattr(rate_limits.PostgresBudget, "_save", look)
    return most


def test_a_hostile_day_ends_with_everything_embedded_within_the_budget(
    deployment: Deployment, short_minutes: None, fullest: dict[str, float]
):
    settings = deployment.settings
    settings.inputs_per_request = PER_REQUEST
    settings.requests_per_minute, settings.tokens_per_minute = REQUESTS, TOKENS
    names = [f"novel-{number:02}" for number in range(NOVELS)]
    for number, name in enumerate(names):
        deployment.drop(f"{name}.txt", story(chapters=4, paragraphs=8, seed=number))
    day = "429:0.05+500:0.05+reset:0.05+slow:0.05"
    # The provider's own limit is twice as high: one that is exceeded would show, and not be cut off by it.
    url = deployment.server.base_url(
        random=day, seed=11, delay=0.5, retry_after="0.2", rpm=2 * REQUESTS, tpm=2 * TOKENS, window=WINDOW
    )
    use(deployment, "openai", url)

    result = deployment.ingest(*names)

    assert result.success
    assert sorted(materialized(result, "text_embeddings")) == names
    needed = deployment.rows("SELECT count(DISTINCT content_hash) FROM chunks")[0][0]
    assert assert_every_vector_is_right(deployment) == needed
    stats = deployment.server.stats(url)
    least = -(-needed // PER_REQUEST)
    assert least > 200
    assert stats["requests"] <= 1.2 * least
    assert stats["repeated_inputs"] == 0
    assert 0.5 * REQUESTS < fullest["requests"] <= REQUESTS
    assert fullest["tokens"] <= TOKENS
