from __future__ import annotations

import random

import pytest

from synth_assets.quality.judge_bias import (
    MeasuredShare,
    PairVerdicts,
    Verdict,
    measure_judges,
    measure_share,
)


def pair(ab: Verdict | None, ba: Verdict | None, **values: object) -> PairVerdicts:
    plain = {"prompt_id": "p", "judge": "j", "length_a": 1, "length_b": 1}
    return PairVerdicts(ab=ab, ba=ba, **{**plain, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ab", "ba", "is_consistent", "winner"),
    [
        ("first", "second", True, "a"),
        ("second", "first", True, "b"),
        ("tie", "tie", True, None),
        ("first", "first", False, None),
        ("second", "second", False, None),
        ("first", "tie", False, None),
        ("tie", "second", False, None),
        ("first", None, None, None),
        (None, None, None, None),
    ],
)
def test_a_side_wins_only_in_both_orders(
    ab: Verdict | None, ba: Verdict | None, is_consistent: bool | None, winner: str | None
):
    said = pair(ab, ba)
    assert (said.is_consistent, said.winner) == (is_consistent, winner)


def test_shares_are_counted_as_the_eye_counts_them():
    (found,) = measure_judges(
        [
            pair("first", "second", length_a=9, kin="b"),  # a wins: the longer, not the kin
            pair("second", "first", length_a=9, kin="b"),  # b wins: the shorter, the kin
            pair("first", "second", length_a=9),  # a wins: the longer, nobody's kin
            pair("first", "second"),  # a wins: of equal length
            pair("first", "first"),  # a place wins
            pair("tie", "tie"),
            pair("first", None),  # counted as unread only
        ]
    )
    assert (found.consistent.share, found.consistent.count) == (5 / 6, 6)
    assert (found.first_place.share, found.first_place.count) == (6 / 10, 10)
    assert (found.longer.share, found.longer.count) == (2 / 3, 3)
    assert (found.kin.share, found.kin.count) == (1 / 2, 2)
    assert found.unread == 1


def test_where_there_is_nothing_to_count_there_is_no_share():
    (found,) = measure_judges([pair("tie", None)])
    assert found.consistent == found.longer == found.kin == MeasuredShare(None, None, None, 0)
    assert measure_judges([]) == []


def test_judges_are_measured_apart_and_in_the_order_of_names():
    found = measure_judges([pair("tie", "tie", judge="z"), pair("first", "first", judge="a")])
    assert [(bias.judge, bias.consistent.share) for bias in found] == [("a", 0.0), ("z", 1.0)]


def test_the_order_of_pairs_changes_nothing():
    pairs = [pair("first", "second" if n % 3 else "first", prompt_id=f"p{n}") for n in range(60)]
    assert measure_judges(pairs) == measure_judges(pairs[::-1])


def test_the_interval_holds_the_true_share_as_often_as_it_says():
    source, held = random.Random(7), 0
    for trial in range(300):
        cases = [(f"p{n}", source.random() < 0.65) for n in range(200)]
        found = measure_share(cases, str(trial))
        assert found.low is not None and found.high is not None
        held += found.low <= 0.65 <= found.high
    assert 0.91 < held / 300 < 0.98


def test_pairs_of_one_prompt_stand_or_fall_together():
    alone = measure_share([(f"p{n}", n % 2 == 0) for n in range(400)], "s")
    in_tens = measure_share([(f"p{n // 10}", n // 10 % 2 == 0) for n in range(400)], "s")
    assert alone.share == in_tens.share == 0.5
    assert alone.low is not None and in_tens.low is not None
    assert (0.5 - in_tens.low) > 2 * (0.5 - alone.low)
