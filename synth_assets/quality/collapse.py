"""What theory says of training on a model's own output: numbers in, expected error and limits out.

Linear regression of ``dimension`` on ``rows`` with noise, refitted each generation on what the
last one wrote: replacing the data adds the same error every time, accumulating it adds ever less
(Gerstgrasser et al. 2024, theorems 1 and 2). Selection by a verifier keeps a self-made set sound
as long as errors are rarer than p* (Feng et al. 2024, section 4).
"""

from __future__ import annotations

import math
from fractions import Fraction

BOUND = math.pi**2 / 6
"""What the sum of 1/i² stays below, however many generations there are."""


def error_of_a_fit(noise: float, dimension: int, rows: int) -> float:
    """Expected test error b = σ²·d / (T - d - 1) of one fit on real data, beyond the noise.

    Errors: `ValueError` where there are too few rows for it to be finite.
    """
    if dimension < 1 or rows <= dimension + 1:
        raise ValueError(
            f"{rows} rows are too few for {dimension} dimensions: {dimension + 2} or more"
        )
    return noise**2 * dimension / (rows - dimension - 1)


def error_when_replacing(fit: float, generations: int) -> float:
    """b·n: each generation learns only from the one before."""
    return fit * generations


def error_when_accumulating(fit: float, generations: int) -> float:
    """b·Σ 1/i² ≤ b·π²/6: each generation learns from all before, the real data among them."""
    return fit * sum(1 / step**2 for step in range(1, generations + 1))


def keep_rates(
    kept_right: int, all_right: int, kept_wrong: int, all_wrong: int
) -> tuple[float | None, float | None]:
    """(ϕ, ψ): the shares of right and of wrong answers that selection kept; null of nothing."""
    phi = kept_right / all_right if all_right else None
    psi = kept_wrong / all_wrong if all_wrong else None
    return phi, psi


def error_limit(phi: float | None, psi: float | None) -> float | None:
    """p* = 1 / (1 + ψ/ϕ): the share of wrong answers below which selection helps.

    null where a rate is unknown, or where selection keeps nothing right and so cannot help.
    """
    if phi is None or psi is None or phi == 0:
        return None
    return 1 / (1 + psi / phi)


def gap_recovered(weak: float | None, student: float | None, ceiling: float | None) -> float | None:
    """Performance gap recovered = (student - weak) / (ceiling - weak) (Burns et al. 2023, 3.3).

    0: the student is no better than its weak teacher; 1: as good as if it had learnt from the
    truth; it may lie outside. null where a number is missing or the ceiling is the weak one's.
    """
    if weak is None or student is None or ceiling is None:
        return None
    if any(not math.isfinite(number) for number in (weak, student, ceiling)) or ceiling == weak:
        return None
    # Exact: 0.3 - 0.1 is not 0.2 in binary, and a gap recovered in full is 1.
    low, middle, high = (Fraction(str(number)) for number in (weak, student, ceiling))
    return float((middle - low) / (high - low))
