"""Limits per minute, with a clock moved by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.llm.limits import Allowance, Load, Quotas, RateLimits
from synth_assets.recipe_model import Model


def make_quotas(**limits: int) -> Quotas:
    return Quotas(Model(model="scripted/it", **limits), 0.0)  # type: ignore[arg-type]


ONE = Load(10, 20)


def send_all(quotas: Quotas, load: Load, until: float) -> list[float]:
    """The times at which calls go out when there are always more."""
    now, times = 0.0, []
    while now < until:
        wait_s = quotas.wait_s(load, now)
        if wait_s > 0:
            now += wait_s
            continue
        quotas.take(load, now)
        times.append(now)
    return times


def test_no_limit_is_no_wait():
    quotas = make_quotas()
    assert not quotas.are_any
    assert quotas.wait_s(ONE, 0.0) == 0.0


@given(st.integers(min_value=1, max_value=2000))
def test_declared_requests_are_kept_in_any_minute_and_used(limit: int):
    times = send_all(make_quotas(requests_per_minute=limit), ONE, 180.0)
    for start in range(0, 120, 7):
        assert sum(start <= time < start + 60 for time in times) <= limit
    assert len(times) >= max(2, 1.5 * limit - 1)


@pytest.mark.parametrize(
    ("limit", "per_call"),
    [("tokens_per_minute", 30), ("input_tokens_per_minute", 10), ("output_tokens_per_minute", 20)],
)
def test_declared_tokens_count_what_they_name(limit: str, per_call: int):
    times = send_all(make_quotas(**{limit: 6000}), ONE, 60.0)
    assert len(times) == pytest.approx(6000 / per_call, rel=0.05)


def test_the_truth_takes_the_place_of_the_estimate():
    quotas = make_quotas(tokens_per_minute=1200)  # a bucket of 100
    quotas.take(Load(50, 50), 0.0)
    assert quotas.wait_s(Load(40, 40), 0.0) > 0
    quotas.settle(Load(50, 50), Load(5, 5), 0.0)
    assert quotas.wait_s(Load(40, 40), 0.0) == 0.0


def test_a_call_larger_than_the_bucket_goes_out_when_it_is_full_and_is_paid_for_after():
    quotas = make_quotas(tokens_per_minute=1200)
    assert quotas.wait_s(Load(500, 500), 0.0) == 0.0
    quotas.take(Load(500, 500), 0.0)
    assert quotas.wait_s(ONE, 0.0) > 40


def test_what_headers_tell_is_kept_and_ends_with_their_reset():
    quotas = make_quotas()
    quotas.told(RateLimits(requests=Allowance(None, 2, 30.0)), {}, 0.0)
    assert quotas.are_any
    for _ in range(2):
        assert quotas.wait_s(ONE, 1.0) == 0.0
        quotas.take(ONE, 1.0)
    assert quotas.wait_s(ONE, 1.0) == pytest.approx(29.0)
    assert quotas.wait_s(ONE, 30.0) == 0.0


def test_a_limit_that_headers_tell_flows_in_evenly():
    quotas = make_quotas()
    quotas.told(RateLimits(requests=Allowance(limit=60, remaining=0, reset_s=60.0)), {}, 0.0)
    assert quotas.wait_s(ONE, 0.0) == pytest.approx(1.0)
    assert quotas.wait_s(ONE, 1.0) == 0.0


def test_calls_sent_since_the_endpoint_counted_are_subtracted():
    quotas = make_quotas()
    quotas.told(RateLimits(requests=Allowance(None, 10, 60.0)), {}, 0.0)
    first = quotas.take(ONE, 0.0)
    for _ in range(4):
        quotas.take(ONE, 0.0)
    quotas.told(RateLimits(requests=Allowance(None, 9, 60.0)), first, 1.0)
    for _ in range(5):  # nine were left, and four more are on their way
        assert quotas.wait_s(ONE, 1.0) == 0.0
        quotas.take(ONE, 1.0)
    assert quotas.wait_s(ONE, 1.0) > 0


def test_headers_that_say_nothing_of_what_remains_change_nothing():
    quotas = make_quotas()
    quotas.told(RateLimits(tokens=Allowance(limit=1000)), {}, 0.0)
    assert quotas.wait_s(Load(10_000, 0), 0.0) == 0.0
