from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.embedding.rate_limits import ObservedLimits, read_limits, read_retry_advice, read_retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "20"}, 20),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90),
        ({"Retry-After": format_datetime(NOW - timedelta(hours=1), usegmt=True)}, 0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "86400000000"}, 86400000000),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None):
    assert read_retry_after(headers, NOW) == seconds


def test_rate_limit_headers_are_read_in_any_case_and_odd_ones_are_left_out():
    assert read_limits(
        {
            "X-RateLimit-Limit-Requests": "3000",
            "x-ratelimit-limit-tokens": "1000000",
            "x-ratelimit-remaining-requests": "2999",
            "x-ratelimit-remaining-tokens": "many",
            "x-ratelimit-reset-requests": "20ms",
            "x-ratelimit-reset-tokens": "6m1.5s",
        }
    ) == ObservedLimits(3000, 1_000_000, 2999, None, 0.02, 361.5)
    assert read_limits({"content-type": "text/html"}) is None
    assert read_limits({"x-ratelimit-limit-requests": "unlimited"}) is None


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens"]), st.text()))
def test_no_header_value_is_an_error(headers: dict[str, str]):
    seconds = read_retry_after(headers)
    assert seconds is None or seconds >= 0
    read_limits(headers)


def test_a_used_up_limit_says_how_long_to_wait():
    used_up = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12s"}
    left = {"x-ratelimit-remaining-tokens": "10", "x-ratelimit-reset-tokens": "40s"}
    limits = read_limits({**used_up, **left})
    assert limits is not None
    assert limits.seconds_until_free() == 12
    assert ObservedLimits(100, 100, 5, 5, 1.0, 1.0).seconds_until_free() is None


@pytest.mark.parametrize(("advice", "seconds"), [
    ("retry in 500 milliseconds", 0.5), ("try again in 7 seconds", 7), ("retry after 1 minute", 60),
    ("Please retry in 2 minutes.", 120), ("try again in 1h", 3600), ("retry in 1m30s", 90), ("come again soon", None),
])  # fmt: skip
def test_a_wait_is_read_in_each_unit_that_a_sentence_may_name(advice: str, seconds: float | None):
    assert read_retry_advice(advice.encode()) == seconds


def test_a_date_without_a_zone_is_one_of_greenwich():
    assert read_retry_after({"Retry-After": "Fri, 02 Jan 2026 03:04:15"}, NOW) == 10
