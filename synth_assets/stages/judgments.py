"""Stages of the fourth group beside the methods' own: verifications, and what all methods say of
completions and pairs in one table each."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from synth_assets.methods import judgments, retraction, verification
from synth_assets.methods.pair_rows import UNKNOWN_COMPLETION
from synth_assets.methods.verification import Verification
from synth_assets.recipe import Recipe
from synth_assets.schemas import (
    COMPLETION_FILTERS,
    COMPLETIONS,
    JUDGMENTS,
    MUTATED_PROMPTS,
    PREFERENCE_CANDIDATES,
    RETRACTIONS,
    VERIFICATIONS,
    TableSchema,
)
from synth_assets.stages.row_checks import RowCheck, ids_are_unique, parents_exist, values_are_known
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.withdrawn import keeping_withdrawn, standing
from synth_assets.stages.workshop import Work

GROUP = "4_judgments"
STATUSES = ("verified", "refuted", "unparsed", "no_reference")
JUDGED = (Input("mutated_prompts", "own"), Input("completions", "own"))
COMPLETION_EXISTS = parents_exist("completion_id", ("completions", "completion_id"))


def verifications_stage(parameters: Verification) -> Stage:
    stage = Stage(
        table=VERIFICATIONS,
        group=GROUP,
        inputs=JUDGED,
        parameters=lambda *_: {"verification": parameters.model_dump(mode="json")},
        code=(verification,),
        unit="prompt_id",
        make=lambda work: Made(
            verification.verify_completions(
                standing(work.read(COMPLETIONS)),
                work.read(MUTATED_PROMPTS),
                parameters=parameters,
            )
        ),
        checks=(
            ids_are_unique("completion_id"),
            COMPLETION_EXISTS,
            values_are_known("status", *STATUSES, retraction.RETRACTED),
        ),
    )
    return keeping_withdrawn(stage)


def judgments_stage(recipe: Recipe) -> Stage:
    """Every method's ratings, and the verifications."""
    methods = [method for method, _ in recipe.methods("judgments")]
    return Stage(
        table=JUDGMENTS,
        group=GROUP,
        inputs=(
            *(Input(method.table.name, "own") for method in methods),
            Input(VERIFICATIONS.name, "own"),
        ),
        parameters=lambda *_: {},
        code=(judgments,),
        unit="prompt_id",
        make=lambda work: Made(
            judgments.combine_judgments(
                {
                    (
                        "rating" if method.counts_as_rating else method.name,
                        method.name,
                    ): work.read(method.table)
                    for method in methods
                },
                work.read(VERIFICATIONS),
            )
        ),
        checks=(ids_are_unique("judgment_id"), COMPLETION_EXISTS),
    )


def preference_candidates_stage(recipe: Recipe) -> Stage:
    """Every method's pairs; those of a withdrawn judge are marked."""
    tables = [method.table for method, _ in recipe.methods("pairs")]
    stage = _union(
        PREFERENCE_CANDIDATES,
        tables,
        parents_exist(
            "chosen_completion_id",
            ("completions", "completion_id"),
            unless_dropped_as=UNKNOWN_COMPLETION,
        ),
    )

    def make(work: Work) -> Made:
        pairs = stage.make(work).rows
        return Made(retraction.mark_pairs(pairs, work.read(RETRACTIONS)))

    return replace(
        stage,
        inputs=(*stage.inputs, Input(RETRACTIONS.name)),
        code=(retraction,),
        make=make,
    )


def completion_filters_stage(recipe: Recipe) -> Stage:
    """What every method that filters says of each completion."""
    tables = [method.table for method, _ in recipe.methods("filters")]
    return _union(COMPLETION_FILTERS, tables, COMPLETION_EXISTS)


def _union(table: TableSchema, parts: list[TableSchema], *checks: RowCheck) -> Stage:
    def make(work: Work) -> Made:
        names = table.polars.names()
        return Made(pl.concat([work.read(part).select(names) for part in parts]).sort(table.key))

    return Stage(
        table=table,
        group=GROUP,
        inputs=tuple(Input(part.name, "own") for part in parts),
        parameters=lambda *_: {},
        make=make,
        checks=(ids_are_unique(table.key), *checks),
    )
