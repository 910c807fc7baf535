"""A stage that was brought up to date in, what a run says of its table out: checks, and the rows
that people are shown."""

from __future__ import annotations

import polars as pl

from synth_assets.methods.retraction import RETRACTED
from synth_assets.stages.materialize import (
    StageReport,
    check_committed,
    check_is_as_committed,
)
from synth_assets.stages.row_checks import CheckResult
from synth_assets.stages.stage import Stage
from synth_assets.stages.status import table_statuses
from synth_assets.stages.workshop import Workshop
from synth_assets.store.lake import Lake
from synth_assets.store.sql_types import quote_name

COUNTED = frozenset(
    {
        "cost_usd",
        "drop_reason",
        "examples",
        "mean_rating",
        "method",
        "rating",
        "round",
        "stage",
        "usd_per_example",
    }
)
"""Columns of which the UI shows counts, means and sums."""

COPIES = "copies"
"""Column that says of how many rows a line of `counted_rows` tells."""

SHOWN = (
    "text",
    "status",
    "drop_reason",
    "rating",
    "mean_rating",
    "criterion",
    "metric",
    "value",
    "stage",
    "reason",
    "first_words",
)
"""Columns of the few rows that the UI shows, in their order, after the table's key."""

SETS = frozenset({"sft_set", "dpo_set"})
IS_CURRENT = (
    "is_current",
    "Nothing that the set rests on has changed since it was made, all the way up to the files.",
    False,
)


def all_checks(workshop: Workshop, stage: Stage, report: StageReport) -> list[CheckResult]:
    """Results for the rounds just made, or for the whole table where none was made: there, what
    passed on the same rows is told again."""
    if not report.rounds_made:
        return _committed(workshop, stage, anew=False)
    return [*report.checks.values(), *_of_the_lake(workshop, stage)]


def committed_checks(workshop: Workshop, stage: Stage) -> list[CheckResult]:
    """Every check, run now, on the table as it lies in the lake."""
    return _committed(workshop, stage, anew=True)


def _committed(workshop: Workshop, stage: Stage, *, anew: bool) -> list[CheckResult]:
    return [*check_committed(workshop, stage, anew=anew), *_of_the_lake(workshop, stage)]


def _of_the_lake(workshop: Workshop, stage: Stage) -> list[CheckResult]:
    """The checks that no stage declares."""
    with workshop.lake.reading():
        current = [_is_current(workshop, stage)] if stage.name in SETS else []
        return [check_is_as_committed(workshop, stage), *current]


def counted_rows(workshop: Workshop, stage: Stage) -> pl.DataFrame:
    """The rows of the table, with those columns alone of which people are shown a number: a line
    for each combination of values, and in `COPIES` how many rows have it."""
    lake, schema = workshop.lake, workshop.recipe.name
    if not lake.has(schema, stage.name):
        return pl.DataFrame({COPIES: pl.Series([], dtype=pl.Int64)})
    names = [name for name in lake.column_types(schema, stage.name) if name in COUNTED]
    shown = [quote_name(name) for name in names]
    if "rating" in names and "status" in stage.table.polars:  # what was withdrawn is in no mean
        shown[names.index("rating")] = (
            f"CASE WHEN status IS DISTINCT FROM '{RETRACTED}' THEN rating END AS rating"
        )
    columns = ", ".join([*shown, f"count(*) AS {COPIES}"])
    grouped = " GROUP BY ALL ORDER BY ALL" if names else ""
    return lake.frame(f"SELECT {columns} FROM {Lake.relation(schema, stage.name)}{grouped}")


def first_rows(workshop: Workshop, stage: Stage, count: int) -> pl.DataFrame:
    """The first rows, with the columns that people are shown: by what a row is made for, so that
    all rows about one prompt stand together, and by id."""
    lake, schema = workshop.lake, workshop.recipe.name
    if not lake.has(schema, stage.name):
        return stage.table.empty()
    there = lake.column_types(schema, stage.name)
    names = list(dict.fromkeys([stage.key, *(name for name in SHOWN if name in there)]))
    order = ", ".join(map(quote_name, dict.fromkeys([stage.unit or stage.key, stage.key])))
    # By the unit first: a file's rows lie in its order. DuckDB looks for the ids, and then reads
    # the other columns of their rows alone.
    return lake.frame(
        f"SELECT {', '.join(map(quote_name, names))} FROM {Lake.relation(schema, stage.name)} "
        f"ORDER BY {order} LIMIT {int(count)}"
    )


def _is_current(workshop: Workshop, stage: Stage) -> CheckResult:
    status = table_statuses(workshop)[stage.name]
    return CheckResult(*IS_CURRENT, pl.DataFrame({"cause": list(status.causes)}))
