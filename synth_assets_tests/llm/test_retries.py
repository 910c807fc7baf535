from __future__ import annotations

import pytest

from synth_assets.errors import TransientCallError
from synth_assets.llm.retries import Backoff, is_overload, most_retries


def longest(kind: str, retry: int, backoff: Backoff) -> float:
    return max(backoff.wait_s(retry, None, kind) or 0.0 for _ in range(2000))


def test_waits_double_up_to_the_longest_and_are_spread_over_all_of_it():
    backoff = Backoff(first_s=1.0, most_s=5.0)
    assert [round(longest("server", retry, backoff)) for retry in range(5)] == [1, 2, 4, 5, 5]
    waits = [backoff.wait_s(3, None, "server") or 0.0 for _ in range(2000)]
    assert min(waits) < 0.1


def test_each_kind_of_error_has_its_own_first_wait():
    backoff = Backoff(first_s=1.0)
    waits = {kind: longest(kind, 0, backoff) for kind in ("rate_limit", "server", "timeout")}
    waits["truncated_body"] = longest("truncated_body", 0, backoff)
    assert sorted(waits, key=lambda kind: -waits[kind]) == list(waits)


def test_what_the_endpoint_asks_for_holds():
    backoff = Backoff()
    waits = [backoff.wait_s(0, 10.0, "rate_limit") or 0.0 for _ in range(200)]
    assert min(waits) >= 10.0
    assert max(waits) <= 10.5
    assert backoff.wait_s(0, 301.0, "rate_limit") is None


@pytest.mark.parametrize(("most", "after_429", "after_500"), [(0, 0, 0), (1, 1, 1), (4, 16, 4)])
def test_a_busy_endpoint_is_asked_more_often_than_a_broken_one(
    most: int, after_429: int, after_500: int
):
    assert (most_retries("rate_limit", most), most_retries("server", most)) == (
        after_429,
        after_500,
    )


@pytest.mark.parametrize(
    ("kind", "retry_after_s", "expected"),
    [("rate_limit", None, True), ("server", 2.0, True), ("server", None, False)],
)
def test_overload_is_429_or_503_with_a_time(kind: str, retry_after_s: float | None, expected: bool):
    error = TransientCallError("x", kind=kind, retry_after_s=retry_after_s)
    assert is_overload(error) is expected
