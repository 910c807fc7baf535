"""``python -m benchmarks.refresh.measure FOLDER WHAT``: one refresh of the lake in FOLDER, in a
process of its own; seconds and peak memory out, as one JSON object.

WHAT: ``stages`` (every stage, as a run does it, without Dagster), ``sql`` (the SQL models alone),
``dagster`` (a whole run through Dagster), ``diff`` TABLE (its newest two versions),
``command_line`` TABLE (the same by ``synth-assets diff``, from its start to its end).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.refresh.recipe_at_size import load
from synth_assets.graph.metadata import SAMPLE_ROWS
from synth_assets.graph.runs import RunWishes, run_recipe
from synth_assets.history.diff import diff
from synth_assets.history.versions import versions
from synth_assets.recipe import Recipe
from synth_assets.stages.datasets import SqlStage
from synth_assets.stages.finishing import all_checks, counted_rows, first_rows
from synth_assets.stages.materialize import bring_up_to_date
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

MB = 1_000 if sys.platform != "darwin" else 1_000_000
"""``ru_maxrss`` is in kilobytes, on a Mac in bytes."""


def refresh(recipe: Recipe, home: Home, *, only_sql: bool, open_round: bool) -> dict[str, Any]:
    """Each stage as its asset does it: brought up to date, its rows shown, its checks run."""
    stages = recipe_stages(recipe)
    made: list[str] = []
    by_stage: dict[str, float] = {}
    calls = 0
    started = time.monotonic()
    with Lake(home) as lake:
        for stage in stages.values():
            if only_sql and not isinstance(stage, SqlStage):
                continue
            begun = time.monotonic()
            options = RunOptions(open_round="seeds" if open_round else None)
            workshop = Workshop(recipe, lake, stages, "benchmark", options)
            report = bring_up_to_date(workshop, stage)
            counted_rows(workshop, stage)
            first_rows(workshop, stage, SAMPLE_ROWS)
            for check in all_checks(workshop, stage, report):
                assert check.passed or not check.is_blocking, (stage.name, check)
            made += [stage.name] if report.rounds_made else []
            calls += report.stats.made + report.stats.cached
            by_stage[stage.name] = round(time.monotonic() - begun, 2)
    seconds = time.monotonic() - started
    return {"seconds": seconds, "calls": calls, "made": made, "by_stage": by_stage}


def run(recipe: Recipe, home: Home) -> dict[str, Any]:
    started = time.monotonic()
    outcome = run_recipe(recipe, home, RunWishes(), lambda event: None)
    assert outcome.exit_code == 0, outcome.errors
    return {"seconds": time.monotonic() - started, "calls": outcome.stats.made}


def diffs(recipe: Recipe, home: Home, table: str) -> dict[str, Any]:
    """The newest two versions of a table compared, with causes."""
    with Lake(home, read_only=True) as lake:
        newest, before, *_ = [each.version for each in versions(lake, recipe.name, table)]
        assert newest is not None and before is not None
        started = time.monotonic()
        found = diff(Workshop(recipe, lake, recipe_stages(recipe)), table, before, newest)
        seconds = time.monotonic() - started
    return {"seconds": seconds, "rows": found.added + found.removed + found.changed,
            "versions": [before, newest]}  # fmt: skip


def command_line(folder: Path, recipe: Recipe, home: Home, table: str) -> dict[str, Any]:
    """``synth-assets diff`` in a process of its own."""
    with Lake(home, read_only=True) as lake:
        newest, before, *_ = [each.version for each in versions(lake, recipe.name, table)]
    words = ["diff", str(folder / "refresh.yaml"), table, str(before), str(newest)]
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "synth_assets.cli", *words], stdout=subprocess.DEVNULL, check=True
    )
    return {"seconds": time.monotonic() - started, "versions": [before, newest]}


def main(folder: Path, what: str, *more: str) -> None:
    os.environ["SYNTH_HOME"] = str((folder / "home").absolute())
    recipe, home = load(folder), Home.from_environment()
    begun = time.process_time()
    if what == "dagster":
        result = run(recipe, home)
    elif what == "diff":
        result = diffs(recipe, home, *more)
    elif what == "command_line":
        result = command_line(folder, recipe, home, *more)
    else:
        result = refresh(recipe, home, only_sql=what == "sql", open_round="open_round" in more)
    cpu_s = time.process_time() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    if what == "command_line":
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = used.ru_utime + used.ru_stime
    peak_mb = round(used.ru_maxrss / MB)
    print(json.dumps({**result, "cpu_s": cpu_s, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
