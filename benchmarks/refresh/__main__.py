"""``python -m benchmarks.refresh``: how long a refresh takes after nothing, one seed and one in a
hundred changed; a Markdown table out.

``FULL=1`` adds a million completions; ``python -m benchmarks.refresh 100000 sql seed`` takes these
sizes and cases alone (``stages``, ``dagster``, ``sql``; ``seed``: one, ``share``: 1 % of them;
``whole``: every completion).
Lakes are kept under ``.synth_bench/`` and taken again; every change is made to a copy, whose data
files are links. Each measurement is a process of its own. The floors, of the million: the SQL
models with nothing changed, and a diff.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.refresh.lake_at_size import make_lake, write_anew
from benchmarks.refresh.recipe_at_size import PER_PROMPT, change_seeds

PLACE = Path(".synth_bench")
SIZES = (10_000, 100_000, 1_000_000) if os.environ.get("FULL") else (10_000, 100_000)
FLOORS = {"SQL models, nothing changed": (10.0, 2_000), "diff": (5.0, 2_000)}
"""Case → seconds and MB, at every size."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    completions: int
    case: str
    seconds: float
    cpu_s: float
    peak_mb: int
    note: str

    @property
    def misses(self) -> bool:
        floor = next((f for name, f in FLOORS.items() if self.case.startswith(name)), None)
        return floor is not None and (self.seconds > floor[0] or self.peak_mb > floor[1])

    def line(self) -> str:
        return (
            f"| {self.completions:,} | {self.case} | {self.seconds:.1f} | {self.cpu_s:.1f} "
            f"| {self.peak_mb:,} | {self.note} |"
        )


CASES = ("stages", "dagster", "sql", "seed", "share", "whole")


def main(*wishes: str) -> int:
    """Prints the table; gives the exit code: 1 where a floor is missed.

    wishes: sizes and cases; of either all, where none is named.
    """
    sizes = [int(wish) for wish in wishes if wish.isdigit()] or SIZES
    cases = [wish for wish in wishes if not wish.isdigit()] or CASES
    if unknown := set(cases) - set(CASES):
        print(f"no case {sorted(unknown)}; there are {', '.join(CASES)}", file=sys.stderr)
        return 2
    print("| completions | refresh | seconds | CPU seconds | peak MB | |")
    print("|---:|---|---:|---:|---:|---|", flush=True)
    missed, load = 0, [os.getloadavg()[0]]
    for size in sizes:
        for row in rows_at(size, cases):
            missed += row.misses
            print(row.line(), flush=True)
    load.append(os.getloadavg()[0])
    print(f"load of the machine before and after: {load[0]:.1f}, {load[1]:.1f}")
    print(f"floors: {FLOORS}; {f'{missed} missed' if missed else 'all kept'}")
    return 1 if missed else 0


def rows_at(size: int, cases: Collection[str]) -> Iterator[Row]:
    """The measurements of the cases at one size."""
    lake = PLACE / f"refresh_{size}"
    apart(make_lake, lake, size)
    if "stages" in cases:
        yield measured(size, "nothing changed", lake, "stages")
    if "dagster" in cases:
        yield measured(size, "nothing changed, through Dagster", lake, "dagster")
    if "sql" in cases:
        yield measured(size, "SQL models, nothing changed", lake, "sql")
    prompts = size // PER_PROMPT
    for case, count, words in (
        ("seed", 1, "1 seed"),
        ("share", max(1, prompts // 100), "1 % of the seeds"),
    ):
        if case not in cases:
            continue
        with_copy = PLACE / "refresh_changed"
        copy_of(lake, with_copy)
        apart(change_seeds, with_copy, count, in_words=False)
        yield measured(size, f"{words}: another reference", with_copy, "stages")
        yield measured(size, f"diff of judgments, after {words}", with_copy, "diff", "judgments")
        yield measured(
            size, f"diff of judgments, by the command line, after {words}", with_copy,
            "command_line", "judgments",
        )  # fmt: skip
        copy_of(lake, with_copy)
        apart(change_seeds, with_copy, count, in_words=True)
        yield measured(
            size, f"{words}: other words, in a new round", with_copy, "stages", "open_round"
        )
        yield measured(
            size, f"diff of completions, after {words}", with_copy, "diff", "completions"
        )
    if "whole" in cases:
        copy_of(lake, with_copy := PLACE / "refresh_changed")
        apart(write_anew, with_copy)
        yield measured(
            size, "diff of completions, all of them changed", with_copy, "diff", "completions"
        )
    shutil.rmtree(PLACE / "refresh_changed", ignore_errors=True)


def copy_of(lake: Path, place: Path) -> None:
    """A copy of recipe, seeds and lake. Data files never change, so that a link does."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(lake, place, copy_function=_link_data)


def _link_data(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def apart(change: Callable[..., None], *arguments: Any, **named: Any) -> None:
    """Calls it in a process of its own: one that is started later counts the memory of the process
    that starts it as its own peak."""
    process = get_context("spawn").Process(target=change, args=arguments, kwargs=named)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{change.__name__} ended with {process.exitcode}")


def measured(size: int, case: str, folder: Path, what: str, *more: str) -> Row:
    """One measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.refresh.measure", str(folder), what, *more],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if os.environ.get("STAGES"):
        print(result.get("by_stage"), file=sys.stderr)
    said = [f"{result[name]:,} {name}" for name in ("calls", "rows") if result.get(name)]
    return Row(size, case, result["seconds"], result["cpu_s"], result["peak_mb"], ", ".join(said))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
