"""`make study`: simulates model collapse twice, prints the figures, writes docs/methods/*.svg."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import get_args

from benchmarks.collapse.line_chart import Line, Panel, draw_panels
from benchmarks.collapse.rounds import Held, run_rounds
from synth_assets.quality.collapse import (
    error_of_a_fit,
    error_when_accumulating,
    error_when_replacing,
)
from synth_assets.quality.collapse_simulation import Feeding, simulate_regression

PICTURE = Path(__file__).parents[2] / "docs" / "methods" / "model_collapse.svg"
GENERATIONS, RUNS = 10, 3_000
ROUNDS, PER_ROUND, STUDENTS = 10, 210, 10
THEORY: dict[Feeding, Callable[[float, int], float]] = {
    "replace": error_when_replacing,
    "accumulate": error_when_accumulating,
}


def main() -> None:
    panels = [_regression(), *_students()]
    PICTURE.write_text(draw_panels(panels), encoding="utf-8")
    print(f"\nwritten: {PICTURE.relative_to(PICTURE.parents[2])}")


def _regression() -> Panel:
    fit = error_of_a_fit(1.0, 10, 100)
    print(
        f"Linear regression, d = 10, T = 100, sigma = 1, {RUNS:,} runs, the same X each generation"
    )
    print(f"{'':12}{'generation':>12}{'simulated':>12}{'± s.e.':>9}{'theory':>9}")
    lines: list[Line] = []
    for feeding in get_args(Feeding):
        found = simulate_regression(feeding, generations=GENERATIONS, runs=RUNS)
        theory = [THEORY[feeding](fit, n) for n in range(1, GENERATIONS + 1)]
        for n in (1, 5, 10):
            print(
                f"{feeding:12}{n:>12}{found.mean[n - 1]:>12.4f}"
                f"{found.standard_error[n - 1]:>9.4f}{theory[n - 1]:>9.4f}"
            )
        lines.append(Line(feeding, found.mean, [2 * each for each in found.standard_error]))
        lines.append(Line(f"{feeding}, theory", theory, is_dashed=True))
    return Panel("Error of a regression refitted on its own output", "generation", lines)


def _students() -> list[Panel]:
    print(
        f"\n{STUDENTS} students, refitted each round on {PER_ROUND} prompts a round; "
        "means over students ± s.e."
    )
    print(f"{'':12}{'round':>7}{'kinds':>16}{'effective':>16}{'distinct-2':>18}")
    lines: list[Line] = []
    for feeding in get_args(Feeding):
        runs = [
            run_rounds(feeding, rounds=ROUNDS, per_round=PER_ROUND, seed=seed)
            for seed in range(1, STUDENTS + 1)
        ]
        for round in (0, 1, 5, 10):
            at = [run[round] for run in runs]
            shown = [
                _spread(at, lambda held: held.kinds, 1),
                _spread(at, lambda held: held.effective_kinds, 1),
                _spread(at, lambda held: held.distinct_2, 3),
            ]
            print(f"{feeding:12}{round:>7}{shown[0]:>16}{shown[1]:>16}{shown[2]:>18}")
        kinds = [[run[round].kinds for run in runs] for round in range(ROUNDS + 1)]
        errors = [2 * stdev(each) / sqrt(STUDENTS) for each in kinds]
        lines.append(Line(feeding, [mean(each) for each in kinds], errors, first=0))
    return [Panel("Kinds of prompt that a round still holds", "round", lines)]


def _spread(held: Sequence[Held], number: Callable[[Held], float], digits: int) -> str:
    values = [number(each) for each in held]
    return f"{mean(values):.{digits}f} ± {stdev(values) / sqrt(len(values)):.{digits}f}"


if __name__ == "__main__":
    main()
