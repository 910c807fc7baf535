"""How many calls at once: a simulated endpoint, its clock moved by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from synth_assets.llm.level import Level


def run(level: Level, round_trips: int, answer: Callable[[int, int], float | None], at: float = 0):
    """Round trips in which all calls go out together. ``answer`` of (round trip, n-th call) is
    its latency, or None for a refusal. Gives the levels after each and the time at the end."""
    levels = []
    for trip in range(round_trips):
        size, sent_at, latest = level.now, at, at
        for n in range(size):
            latency = answer(trip, n)
            latest = max(latest, sent_at + (latency or 0.1))
            if latency is None:
                level.overloaded(sent_at, sent_at + 0.1, None)
            else:
                level.answered(sent_at, sent_at + latency, is_full=True)
        at = latest
        levels.append(level.now)
    return levels, at


def test_it_begins_at_its_ceiling_and_stays_there_while_all_goes_well():
    assert run(Level(50), 20, lambda trip, n: 0.1)[0] == [50] * 20


def test_a_few_refusals_change_nothing():
    one_in_twenty = run(Level(100), 40, lambda trip, n: None if n % 20 == 7 else 0.1)[0]
    assert set(one_in_twenty) == {100}


def test_refusals_to_many_halve_it_once_a_round_trip():
    levels, _ = run(Level(64), 3, lambda trip, n: None)
    assert levels == [32, 16, 8]


def test_it_never_falls_below_one():
    levels, _ = run(Level(4), 40, lambda trip, n: None)
    assert min(levels) == 1


def test_it_grows_back_by_steps():
    level = Level(40)
    run(level, 2, lambda trip, n: None)
    assert level.now == 10
    levels, _ = run(level, 40, lambda trip, n: 0.1, at=10)
    assert levels[-1] == 40
    assert all(0 <= after - before <= 2 for before, after in itertools.pairwise(levels))


def test_a_level_that_is_not_used_does_not_grow():
    level = Level(40)
    run(level, 1, lambda trip, n: None)
    for n in range(500):
        level.answered(10 + n, 10.1 + n, is_full=False)
    assert level.now == 20


def test_all_wait_as_long_as_the_endpoint_asks_only_when_many_are_refused():
    few, many = Level(100), Level(100)
    few.overloaded(0.0, 0.1, 5.0)
    assert few.paused_until == 0.0
    for _ in range(30):
        many.overloaded(0.0, 0.1, 5.0)
    assert (many.paused_until, many.now) == (5.1, 50)


def test_an_endpoint_that_only_queues_is_asked_less_at_once():
    """Its throughput is ten calls a second whatever is in flight, after a light start."""
    level = Level(40)
    level.now = 4
    levels, _ = run(level, 200, lambda trip, n: 0.1 * level.now / 4)
    assert max(levels) < 40


def test_calls_that_have_become_longer_are_not_taken_for_a_queue():
    level = Level(40)
    levels, at = run(level, 10, lambda trip, n: 0.1)
    levels, _ = run(level, 30, lambda trip, n: 2.0, at=at)
    assert levels[-1] == 40
    assert min(levels) >= 30


def test_one_slow_call_in_a_hundred_does_not_lower_it():
    levels, _ = run(Level(50), 60, lambda trip, n: 5.0 if n == 3 else 0.05)
    assert set(levels) == {50}
