"""`make study`: model collapse in a regression and in rounds of a recipe; prints the figures, and
writes docs/methods/model_collapse.svg."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory
from typing import get_args

from benchmarks.collapse.line_chart import Line, Panel, draw_panels
from benchmarks.collapse.opening import by_run, by_stages
from benchmarks.collapse.rounds import Seen, run_rounds
from synth_assets.quality.collapse import (
    error_of_a_fit,
    error_when_accumulating,
    error_when_replacing,
)
from synth_assets.quality.collapse_simulation import Feeding, simulate_regression

PICTURE = Path(__file__).parents[2] / "docs" / "methods" / "model_collapse.svg"
GENERATIONS, RUNS = 10, 3_000
ROUNDS, SEEDS = 6, (1, 2, 3)
THROUGH_DAGSTER = SEEDS[:1]
"""The others go by the stages alone, which is the same in half the time."""

LEAST_VARIETY = 0.5
"""Where `rounds_do_not_collapse` stops a run."""

THEORY: dict[Feeding, Callable[[float, int], float]] = {
    "replace": error_when_replacing,
    "accumulate": error_when_accumulating,
}
SHOWN: Mapping[str, str] = {
    "vocabulary_to_anchor": "vocabulary",
    "distinct_2_to_anchor": "distinct-2",
    "error_share": "error p",
    "kept_share_of_right": "phi",
    "kept_share_of_wrong": "psi",
    "error_limit": "p*",
    "sft_self_share_so_far": "self",
}
"""Metric of `round_health` → its column."""


Runs = dict[Feeding, list[list[Seen]]]
"""Arm → its runs, one a seed; of each its rounds."""


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
    title = "Error of a regression refitted on its own output"
    return Panel(title, "generation", lines, note="dashed: theory")


def _students() -> list[Panel]:
    runs = _run_all()
    print(
        f"\nA recipe whose student is refitted each round, {len(SEEDS)} seeds of each: "
        "means of round_health ± s.e."
    )
    print(
        f"{'':12}{'round':>6}{'runs':>5}{'kept':>13}{'kinds':>13}",
        *(f"{w:>13}" for w in SHOWN.values()),
    )
    for feeding in get_args(Feeding):
        for place in range(ROUNDS):
            at = [run[place] for run in runs[feeding] if place < len(run)]
            if at:
                cells = [_spread([seen.kept for seen in at], 1)]
                cells += [_spread([seen.kinds for seen in at], 1)]
                cells += [_spread([seen.health[metric] for seen in at], 3) for metric in SHOWN]
                print(f"{feeding:12}{place + 1:>6}{len(at):>5}", *(f"{c:>13}" for c in cells))
    for feeding in get_args(Feeding):
        for seed, run in zip(SEEDS, runs[feeding], strict=True):
            checks = "; ".join(problem.partition(" (")[0] for problem in run[-1].problems)
            end = f"stopped in round {run[-1].round} by {checks}" if checks else "not stopped"
            print(f"{feeding}, seed {seed}: {end}")
    limit = Line("limit", [LEAST_VARIETY] * ROUNDS, is_dashed=True)
    stopped = "a line a run; cross: stopped"
    return [
        Panel(
            "Variety of the student's prompts over people's",
            "round",
            [*_lines(runs, _variety), limit],
            note=f"{stopped} below 0.5",
        ),
        Panel(
            "Kinds of prompt that the student wrote",
            "round",
            _lines(runs, lambda seen: seen.kinds),
            note=stopped,
        ),
        Panel(
            "Share of the student's wrong answers to new problems",
            "round",
            _lines(runs, lambda seen: seen.health["error_share"]),
            note=stopped,
        ),
    ]


def _run_all() -> Runs:
    """Side by side in processes: a run writes into the home that its environment names."""
    # Those first that take the longest.
    arms: tuple[Feeding, ...] = ("accumulate", "replace")
    jobs: list[tuple[Feeding, int]] = [(feeding, seed) for feeding in arms for seed in SEEDS]
    with (
        TemporaryDirectory() as folder,
        ProcessPoolExecutor(
            max_workers=min(len(jobs), os.cpu_count() or 1),
            mp_context=multiprocessing.get_context("spawn"),
        ) as pool,
    ):
        waiting = [
            pool.submit(
                run_rounds,
                Path(folder, f"{feeding}_{seed}"),
                feeding,
                rounds=ROUNDS,
                seed=seed,
                open_round=by_run if seed in THROUGH_DAGSTER else by_stages,
            )
            for feeding, seed in jobs
        ]
        runs: Runs = {feeding: [] for feeding in get_args(Feeding)}
        for (feeding, _), each in zip(jobs, waiting, strict=True):
            runs[feeding].append(each.result())
    return runs


def _lines(runs: Runs, number: Callable[[Seen], float | None]) -> list[Line]:
    """A line for each run."""
    return [
        Line(
            feeding,
            [_told(number(seen), seen.round) for seen in run],
            is_stopped=bool(run[-1].problems),
        )
        for feeding, arm in runs.items()
        for run in arm
    ]


def _variety(seen: Seen) -> float:
    """What the check looks at: the lesser of vocabulary and distinct-2, each over people's."""
    both = ("vocabulary_to_anchor", "distinct_2_to_anchor")
    return min(_told(seen.health[metric], seen.round) for metric in both)


def _told(value: float | None, round: int) -> float:
    if value is None:
        raise RuntimeError(f"round {round} had nothing to compare")
    return value


def _spread(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "none"
    return f"{mean(known):.{digits}f} ± {_error(known):.{digits}f}"


def _error(values: Sequence[float]) -> float:
    """Standard error of the mean."""
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
