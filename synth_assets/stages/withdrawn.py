"""Rows about withdrawn prompts: a stage in, the same stage out, whose rows about them stay in its
table as they stood, marked.

What comes after the prompts is made for kept prompts alone, so that a withdrawn prompt's rows would
leave their tables, and what was paid for could be looked at no more. They are read from the table
itself: no model is asked about what was withdrawn, whatever the recipe says since.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from synth_assets.lineage.descent import cited_columns, shown_with
from synth_assets.methods.retraction import RETRACTED
from synth_assets.schemas import MUTATED_PROMPTS, RETRACTIONS
from synth_assets.stages.stage import Made, Stage
from synth_assets.stages.workshop import Work, Workshop
from synth_assets.store.commits import Commit, Provenance, StagedCommit
from synth_assets.store.lake import Lake, quote_name
from synth_assets.store.staging import Units, stage_frame


def mark_column(columns: Iterable[str]) -> str:
    """The column that says that a row was withdrawn: the reason why it is not used, or its
    status."""
    return "drop_reason" if "drop_reason" in columns else "status"


def standing(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that are not marked."""
    mark = mark_column(rows.columns)
    return rows.filter(pl.col(mark).ne_missing(RETRACTED)) if mark in rows.columns else rows


def withdrawn(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that are marked."""
    mark = mark_column(rows.columns)
    return rows.filter(pl.col(mark) == RETRACTED) if mark in rows.columns else rows.clear()


def keeping_withdrawn(stage: Stage) -> Stage:
    """The stage, whose rows about withdrawn prompts stay in its table, marked."""

    def make(work: Work) -> Made:
        made = stage.make(work)
        rows = _rows_that_stay(work, made)
        if rows.is_empty():
            return made
        return replace(
            made,
            rows=pl.concat([made.rows, rows.select(made.rows.columns)]),
            items_parsed=None if made.items_parsed is None else made.items_parsed + rows.height,
            shown_with={**_shown_with(work, rows), **made.shown_with},
        )

    return replace(stage, make=make, keeps_withdrawn=True)


def _rows_that_stay(work: Work, made: Made) -> pl.DataFrame:
    lake, recipe, table = work.lake, work.recipe.name, work.stage.table
    if not _has_withdrawn_prompts(work) or not lake.has(recipe, table.name):
        return table.empty()
    where, values = ("round = ?", [work.round]) if work.stage.by_round else ("true", [])
    if work.units is not None:
        where = f"{where} AND {work.units.where}"
    withdrawn = f"prompt_id IN ({_withdrawn_prompts(recipe)})"
    rows = lake.read(recipe, table, f"{where} AND {withdrawn}", [*values, RETRACTED])
    # Where a row is made all the same, what was made now goes before what stood.
    return _marked(rows.join(made.rows.select(table.key), on=table.key, how="anti"))


def _has_withdrawn_prompts(work: Work) -> bool:
    """Whether there are any among those that the stage is made for, told without a look at its own
    table."""
    lake, recipe = work.lake, work.recipe.name
    if not lake.has(recipe, RETRACTIONS.name) or not lake.has(recipe, MUTATED_PROMPTS.name):
        return False
    among = ""
    if work.units is not None and work.units.column == "prompt_id":
        among = f" AND {work.units.where}"
    return bool(lake.execute(f"{_withdrawn_prompts(recipe)}{among} LIMIT 1", [RETRACTED]))


def _withdrawn_prompts(recipe: str) -> str:
    relation = Lake.relation(recipe, MUTATED_PROMPTS.name)
    return f"SELECT prompt_id FROM {relation} WHERE drop_reason = ?"


def _marked(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(RETRACTED).alias(mark_column(rows.columns)))


def _shown_with(work: Work, rows: pl.DataFrame) -> Mapping[str, list[str]]:
    """What stood in the context of the rows' calls. Of a stage that is made unit by unit nothing
    is told (see `Stage.unit`)."""
    if work.stage.unit is not None:
        return {}
    cited: set[str] = set()
    for name in cited_columns(rows.columns):
        column = rows[name].explode() if rows.schema[name] == pl.List else rows[name]
        cited.update(column.drop_nulls())
    return shown_with(work.lake, work.recipe.name, cited)


def mark_where_they_stand(workshop: Workshop, stage: Stage) -> None:
    """Marks the rows about withdrawn prompts of a table that is out of date for other reasons too.
    It stays out of date: the next run makes it as it makes any."""
    if not stage.keeps_withdrawn or not workshop.lake.has(workshop.recipe.name, stage.name):
        return
    known = workshop.log.latest()
    for round in workshop.rounds_of(stage):
        commit = known.get((stage.name, round.number))
        if commit is not None:
            _mark_round(workshop, stage, commit)


def _mark_round(workshop: Workshop, stage: Stage, commit: Commit) -> None:
    lake, recipe = workshop.lake, workshop.recipe.name
    scope: dict[str, Any] = {"round": commit.round} if stage.by_round else {}
    where, values = ("round = ?", [commit.round]) if stage.by_round else ("true", [])
    mark = quote_name(mark_column(stage.table.polars.names()))
    units = Units("prompt_id", f"withdrawn_{random.getrandbits(32):08x}")
    lake.execute(
        f"CREATE TEMP TABLE {units.relation} AS SELECT DISTINCT prompt_id "
        f"FROM {Lake.relation(recipe, stage.name)} WHERE {where} AND {mark} IS DISTINCT FROM ? "
        f"AND prompt_id IN ({_withdrawn_prompts(recipe)})",
        [*values, RETRACTED, RETRACTED],
    )
    try:
        rows = lake.read(recipe, stage.table, f"{where} AND {units.where}", values)
        if rows.is_empty():
            return
        staged = stage_frame(lake, recipe, stage.table, _marked(rows), scope, units)
        try:
            as_before = Provenance(commit.fingerprint, commit.fingerprint_parts, commit.inputs)
            workshop.log.commit(
                StagedCommit(
                    staged, as_before, commit.round, commit.items_parsed, commit.failed_replies
                ),
                run_id=workshop.run_id,
            )
        finally:
            staged.drop()
    finally:
        lake.execute(f"DROP TABLE IF EXISTS {units.relation}")
