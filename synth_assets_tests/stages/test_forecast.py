"""Intervals hold the truth as often as they say, and a guess is never narrower than experience."""

from __future__ import annotations

import random
from math import inf
from statistics import mean, stdev

import pytest

from synth_assets.llm.prices import Price
from synth_assets.stages.forecast import (
    Asked,
    Experience,
    Line,
    Range,
    Sample,
    forecast,
    kept_to_limits,
    line_through,
    slowest,
)


def learnt(seconds: float = 2.0, deviation: float = 0.5) -> Experience:
    return Experience(
        input_tokens=Line(400, 100, 0.25, 8, mean_bytes=800, scatter=4e6),
        output_tokens=Sample(400, 200, 60),
        seconds=Sample(400, seconds, deviation),
    )


def test_95_of_100_totals_lie_in_the_interval() -> None:
    dice = random.Random(5)
    held = 0
    for _ in range(1000):
        seen = [dice.gauss(200, 60) for _ in range(40)]
        total = Sample(len(seen), mean(seen), stdev(seen)).total(100, 100)
        held += total.low <= sum(dice.gauss(200, 60) for _ in range(100)) <= total.high
    assert 925 <= held <= 970


def test_few_calls_teach_less_than_many() -> None:
    few, many = (Sample(count, 200, 60).total(100, 100) for count in (4, 4000))
    assert few.high - few.low > many.high - many.low
    assert few.likely == many.likely == 20_000


def test_the_low_end_is_that_of_the_calls_that_are_certain() -> None:
    total = Sample(100, 10, 0).total(3, 8)
    assert total == Range(30, 80, 80)


def test_input_follows_the_text_at_the_rate_of_the_model() -> None:
    asked = Asked(certain=10, bytes=40_000, output_limit=inf, most=10)
    told = forecast("ratings", asked, learnt(), None, 1)
    assert told.input_tokens.likely == 11_000  # five times as long as its requests were so far
    assert told.input_tokens.low < 11_000 < told.input_tokens.high
    near = forecast("ratings", Asked(10, 8_000, inf, 10), learnt(), None, 1).input_tokens
    assert near.high - near.low < told.input_tokens.high - told.input_tokens.low
    guessed = forecast("ratings", asked, None, None, 1)
    assert (guessed.input_tokens.low, guessed.input_tokens.high) == (7_500, 12_500)


def test_a_line_goes_through_the_calls() -> None:
    sizes = [400, 500, 900, 1000]
    tokens = [30 + size / 4 for size in sizes]
    x, y = mean(sizes), mean(tokens)
    sxx = sum((size - x) ** 2 for size in sizes)
    sxy = sum((size - x) * (count - y) for size, count in zip(sizes, tokens, strict=True))
    line = line_through(4, x, y, sxx, sxy, sxy**2 / sxx)
    assert (line.intercept, line.slope) == pytest.approx((30, 0.25))
    assert line.total(2, 2, 2000) == Range(1060, 1060, 1060)


def test_calls_of_one_size_teach_a_rate_and_are_not_trusted_far() -> None:
    line = line_through(50, 400, 100, 0, 0, 0)
    told = line.total(10, 10, 800)
    assert told.likely == 2000
    assert told.low < 2000 < told.high


def test_calls_that_may_follow_are_as_long_as_those_that_are_known() -> None:
    asked = Asked(certain=1, bytes=400, output_limit=inf, most=3)
    assert forecast("ratings", asked, None, None, 1).input_tokens.likely == 300


def test_no_reply_is_longer_than_max_tokens() -> None:
    asked = Asked()
    asked.add(400, 50)
    told = forecast("completions", asked, learnt(), None, 1)
    assert told.output_tokens == Range(50, 50, 50)
    asked.add(400, None)  # one without a limit may be as long as it likes
    assert forecast("completions", asked, learnt(), None, 1).output_tokens.likely == 400


@pytest.mark.parametrize(("calls", "concurrency", "likely"), [(8, 4, 4.0), (2, 4, 2.0), (0, 4, 0)])
def test_calls_go_side_by_side_and_none_is_shorter_than_one(
    calls: int, concurrency: int, likely: float
) -> None:
    asked = Asked(certain=calls, bytes=100 * calls, output_limit=inf, most=calls)
    assert forecast("ratings", asked, learnt(), None, concurrency).seconds.likely == likely


def test_limits_a_minute_hold_up_what_would_be_faster() -> None:
    asked = Asked(certain=60, bytes=60 * 800, output_limit=inf, most=120)
    told = forecast("ratings", asked, learnt(), None, 1000)
    held = kept_to_limits(told, asked, {"requests": 60, "tokens": None})
    assert (held.seconds.low, held.seconds.likely) == (60, 120)
    by_output = kept_to_limits(told, asked, {"output_tokens": 200})
    assert by_output.seconds.likely == told.output_tokens.likely * 60 / 200
    assert kept_to_limits(told, asked, {"requests": 1_000_000}) == told


def test_a_table_takes_as_long_as_its_slowest_model() -> None:
    assert slowest([Range(1, 2, 9), Range(3, 4, 5)]) == Range(3, 4, 9)
    assert slowest([]) == Range()


def test_money_follows_the_tokens() -> None:
    asked = Asked(certain=10, bytes=8_000, output_limit=inf, most=10)
    told = forecast("ratings", asked, learnt(), Price(1_000_000, 0), 1)
    assert told.cost_usd == told.input_tokens
    assert forecast("ratings", asked, learnt(), Price(1, None), 1).cost_usd is None
