from __future__ import annotations

from typing import get_args

import pytest

from synth_assets.quality.collapse import (
    error_of_a_fit,
    error_when_accumulating,
    error_when_replacing,
)
from synth_assets.quality.collapse_simulation import Feeding, simulate_regression

THEORY = {"replace": error_when_replacing, "accumulate": error_when_accumulating}
COMPUTED = {"replace": 1.1313, "accumulate": 0.1756}
"""At 10 generations of 3,000 runs, computed apart from this code (d = 10, T = 100, σ = 1)."""

WIDE = 4.0
"""Standard errors: a right simulation falls outside once in 16,000 seeds."""


@pytest.mark.parametrize("feeding", get_args(Feeding))
def test_every_generation_has_the_error_of_the_theory(feeding: Feeding):
    found = simulate_regression(feeding, runs=1_000)
    fit = error_of_a_fit(1.0, 10, 100)
    for generation, (mean, error) in enumerate(
        zip(found.mean, found.standard_error, strict=True), start=1
    ):
        assert abs(mean - THEORY[feeding](fit, generation)) < WIDE * error


@pytest.mark.parametrize("feeding", get_args(Feeding))
def test_another_computation_gave_the_same(feeding: Feeding):
    found = simulate_regression(feeding, runs=1_000)
    # Both are means of random runs: 3,000 there have the error of 1,000 here, over √3.
    error = found.standard_error[-1] * (1 + 1 / 3) ** 0.5
    assert abs(found.mean[-1] - COMPUTED[feeding]) < WIDE * error


def test_the_interval_is_narrow_enough_to_tell_the_two_apart():
    replace, accumulate = (simulate_regression(each, runs=200) for each in get_args(Feeding))
    assert replace.mean[0] == accumulate.mean[0]
    assert replace.mean[-1] - accumulate.mean[-1] > 10 * replace.standard_error[-1]


def test_a_seed_gives_the_same_numbers_again_and_another_gives_others():
    first, again = (simulate_regression("replace", runs=20, seed=7) for _ in range(2))
    assert first == again
    assert first != simulate_regression("replace", runs=20, seed=8)
