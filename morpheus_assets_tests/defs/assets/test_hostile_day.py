"""Thirty novels from a provider that fails a fifth of the time, under a rate limit that it enforces itself."""

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


def test_a_hostile_day_ends_with_everything_embedded_within_the_budget(deployment: Deployment, short_minutes):
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
    assert stats["most_tokens_in_window"] <= 1.02 * TOKENS
    assert stats["most_requests_in_window"] <= 1.02 * REQUESTS
