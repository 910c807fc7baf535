from __future__ import annotations

from synth_assets.llm.breaker import Breaker, Patience

SHORT = Patience(after=3, most_s=10.0, first_s=1.0, longest_s=4.0)


def test_an_endpoint_is_away_after_failures_in_a_row_and_back_with_one_answer():
    breaker = Breaker(SHORT)
    for now in range(2):
        breaker.failed(float(now))
    assert not breaker.is_away
    breaker.answered()
    for now in range(3):
        breaker.failed(float(now))
    assert breaker.is_away
    breaker.answered()
    assert not breaker.is_away


def test_looks_become_rarer_up_to_the_longest_time():
    breaker = Breaker(SHORT)
    breaker.failed(0.0)
    breaker.failed(0.0)
    waits = []
    for _ in range(4):
        breaker.failed(0.0)
        waits.append(breaker.look_wait_s(0.0))
    assert waits == [1.0, 2.0, 4.0, 4.0]
    assert breaker.look_wait_s(3.5) == 0.5


def test_patience_counts_from_when_the_endpoint_went_away():
    breaker = Breaker(SHORT)
    breaker.failed(0.0)
    breaker.failed(1.0)
    breaker.failed(100.0)
    assert breaker.away_s(100.0) is None
    assert breaker.away_s(110.0) is None
    assert breaker.away_s(111.0) == 11.0
