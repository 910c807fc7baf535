from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.quality.collapse import (
    BOUND,
    error_limit,
    error_of_a_fit,
    error_when_accumulating,
    error_when_replacing,
    gap_recovered,
    keep_rates,
)


def test_the_theory_gives_the_figures_of_the_paper_at_ten_generations():
    fit = error_of_a_fit(noise=1.0, dimension=10, rows=100)
    assert fit == pytest.approx(10 / 89)
    assert error_when_replacing(fit, 10) == pytest.approx(1.1236, abs=5e-5)
    assert error_when_accumulating(fit, 10) == pytest.approx(0.1741, abs=5e-5)


@given(st.integers(1, 2_000))
def test_accumulating_stays_below_its_bound_and_is_never_worse_than_replacing(generations: int):
    assert error_when_accumulating(1.0, generations) < BOUND
    assert error_when_accumulating(1.0, generations) <= error_when_replacing(1.0, generations)


def test_the_error_of_a_fit_grows_with_the_square_of_the_noise():
    assert error_of_a_fit(2.0, 3, 10) == 4 * error_of_a_fit(1.0, 3, 10) == 4 * 3 / 6


@pytest.mark.parametrize("rows", [0, 10, 11])
def test_too_few_rows_have_no_finite_error(rows: int):
    with pytest.raises(ValueError, match="12 or more"):
        error_of_a_fit(1.0, 10, rows)


def test_rates_of_keeping_are_shares_of_right_and_of_wrong_and_null_of_nothing():
    assert keep_rates(8, 10, 1, 4) == (0.8, 0.25)
    assert keep_rates(0, 0, 1, 4) == (None, 0.25)
    assert keep_rates(8, 10, 0, 0) == (0.8, None)


@pytest.mark.parametrize(
    ("phi", "psi", "limit"),
    [
        (1.0, 0.0, 1.0),
        (0.5, 0.5, 0.5),
        (0.9, 0.3, 0.75),
        (0.0, 0.3, None),
        (None, 0.3, None),
        (0.9, None, None),
    ],
)
def test_selection_helps_below_a_share_of_errors(phi, psi, limit):
    found = error_limit(phi, psi)
    assert found == (None if limit is None else pytest.approx(limit))


@given(st.floats(0.01, 1), st.floats(0, 1), st.floats(0.01, 0.99))
def test_below_the_limit_what_is_kept_is_mostly_right(phi: float, psi: float, wrong: float):
    limit = error_limit(phi, psi)
    assert limit is not None
    if abs(wrong - limit) > 1e-9:
        assert (phi * (1 - wrong) > psi * wrong) is (wrong < limit)


@pytest.mark.parametrize(
    ("weak", "student", "ceiling", "recovered"),
    [
        (0.1, 0.3, 0.3, 1.0),
        (50.0, 60.0, 90.0, 0.25),
        (0.5, 0.5, 0.9, 0.0),
        (0.5, 0.4, 0.9, -0.25),
        (0.5, 1.0, 0.9, 1.25),
        (0.9, 0.7, 0.5, 0.5),
        (0.5, 0.6, 0.5, None),
        (None, 0.6, 0.9, None),
        (0.5, None, 0.9, None),
        (0.5, 0.6, None, None),
        (0.5, float("nan"), 0.9, None),
        (0.5, 0.6, float("inf"), None),
        (0, 1, 4, 0.25),
    ],
)
def test_the_gap_recovered_is_a_share_of_the_gap_and_null_without_one(
    weak, student, ceiling, recovered
):
    assert gap_recovered(weak, student, ceiling) == recovered
