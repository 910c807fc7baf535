"""Generations of a model that learns from its own output, simulated: settings in, errors out.

The regression of Gerstgrasser et al. 2024 (section 3): y = X·w + noise. Each generation fits w on
its data and writes new y for the same X, which its successor learns from: alone (replace), or
beside all that came before (accumulate).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy

Feeding = Literal["replace", "accumulate"]


@dataclass(frozen=True)
class Errors:
    """Mean squared distance of the fitted from the true weights after each generation, over all
    runs, and the standard error of that mean. With features of variance 1 the distance is the
    test error beyond the noise."""

    mean: tuple[float, ...]
    standard_error: tuple[float, ...]


def simulate_regression(
    feeding: Feeding,
    *,
    generations: int = 10,
    dimension: int = 10,
    rows: int = 100,
    noise: float = 1.0,
    runs: int = 3_000,
    seed: int = 2,
) -> Errors:
    """``runs`` chains of ``generations``, all at once; a given seed gives the same numbers.

    The true weights are 0: the error of least squares does not depend on them. Since every
    generation has the same X, fitting all data so far is fitting the mean of all y so far.
    """
    source = numpy.random.default_rng(seed)
    features = source.standard_normal((runs, rows, dimension))
    # Least squares once for all generations of a run: w = (XᵀX)⁻¹Xᵀ y.
    solve = numpy.linalg.solve(features.transpose(0, 2, 1) @ features, features.transpose(0, 2, 1))
    weights = numpy.zeros((runs, dimension))
    mean_target = numpy.zeros((runs, rows))
    errors = numpy.empty((generations, runs))
    for generation in range(generations):
        target = numpy.einsum("rtd,rd->rt", features, weights)
        target += noise * source.standard_normal((runs, rows))
        if feeding == "accumulate":
            mean_target += (target - mean_target) / (generation + 1)
            target = mean_target
        weights = numpy.einsum("rdt,rt->rd", solve, target)
        errors[generation] = (weights**2).sum(axis=1)
    spread = errors.std(axis=1, ddof=1) / numpy.sqrt(runs)
    return Errors(tuple(map(float, errors.mean(axis=1))), tuple(map(float, spread)))
